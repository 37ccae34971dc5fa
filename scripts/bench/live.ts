// P3: a backup of one large database while it is written to, against the same without a writer and against SQLite's own.
import { execFileSync, spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import type { BenchComparison, Contender } from "./frame.ts";
import { evict } from "./measure.ts";
import type { Size } from "./places.ts";
import { benchHome, built, scratch } from "./places.ts";

/** Commits a second. */
const RATE = 200;
/** What the anchor that never ends is given. */
const PATIENCE = 10;
/** Before a second backup the writer goes on for so long. */
const LATER_MS = 5000;

export function liveBackupRows(size: Size = "one"): BenchComparison[] {
  const { home } = benchHome(size);
  const [live, out] = [scratch("live-home"), scratch("live")];
  const writer = writerOf(live.path);
  const backup = built("backup");
  const create = `${backup} create --home '${live.path}' --repo '${out.path}' >/dev/null`;
  const first = `${backup} init --repo '${out.path}' >/dev/null && ${create}`;
  const database = `'${live.path}'/sessions/sess-*/events.db`;
  const still: Contender = { name: "agh-backup create, nobody writes", command: first };
  const copied: Contender = {
    name: `sqlite3 .backup, given ${PATIENCE} s`,
    command: `mkdir '${out.path}'; timeout ${PATIENCE} sqlite3 ${database} ".backup '${out.path}/events.db'" || true`,
    needs: "sqlite3",
  };
  const fresh: Contender = { name: "agh-backup create, the first", command: first };
  const ours: Contender = { name: `agh-backup create, ${RATE} commits a second`, command: first };
  const again: Contender = { name: `agh-backup create ${LATER_MS / 1000} s later`, command: create };
  /** The same home before every run: what the last writer left would make the next run's longer. */
  const before = (whose: Contender): void => {
    writer.stop();
    for (const { clear } of [live, out]) clear();
    execFileSync("cp", ["-a", home, live.path]);
    evict(live.path);
    if (whose === still) return;
    writer.start();
    if (whose !== again) return;
    execFileSync("bash", ["-c", first]);
    pause(LATER_MS);
  };
  const after = (): void => {
    writer.stop();
    for (const { clear } of [live, out]) clear();
  };
  const common = { name: "P3", before, after, runs: 3 };
  const what = "one live database of 231 MB";
  return [
    { ...common, what, anchor: still, ours, target: { text: "≤ 2 ×", most: 2 } },
    { ...common, what, anchor: copied, ours, target: { text: "≤ 1 ×: it ends", most: 1 } },
    { ...common, what: `${what}, again`, anchor: fresh, ours: again, target: { text: "≤ 0.5 ×", most: 0.5 } },
  ];
}

/** One writer at a time; both wait until it is so. */
function writerOf(home: string): { readonly start: () => void; readonly stop: () => void } {
  const ready = `${home}.ready`;
  const script = path.join(import.meta.dirname, "append.ts");
  return {
    start: () => {
      spawn(process.execPath, [script, home, ready, String(RATE)], { stdio: "inherit" });
      waitUntil(() => fs.existsSync(ready) && fs.readFileSync(ready, "utf8") !== "");
    },
    stop: () => {
      if (!fs.existsSync(ready)) return;
      process.kill(Number(fs.readFileSync(ready, "utf8")), "SIGTERM");
      waitUntil(() => !fs.existsSync(ready));
    },
  };
}

const MOST_MS = 30_000;

function waitUntil(test: () => boolean): void {
  for (const began = performance.now(); !test(); pause(20)) {
    if (performance.now() - began > MOST_MS) throw new Error("the writer does not start or stop in time");
  }
}

/** The frame is synchronous: what it measures runs in other processes. */
function pause(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
