// A backup does not hurt who writes (R12): nothing of ours holds a session's database, and the figures say how long commits took.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { globSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { madeHome, PROJECT } from "../support/homes.ts";
import { queryCopy } from "../support/sqlite-dump.ts";
import { strength } from "../support/strength.ts";
import { bench } from "./tool.ts";

const SECONDS = strength("soak seconds", 8) / 2;

interface Spread {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

interface Report {
  readonly sessions: number;
  readonly events: number;
  readonly commit_ms: Spread;
  readonly stop_ms: Spread;
}

/** Writes to a home of its own for some seconds, sessions coming and going, while `meanwhile` is called again and again. */
async function written(t: TestContext, meanwhile?: (home: string) => Promise<void>) {
  const { home } = madeHome(t, { sessions: 20, events: 20 });
  const script = join(PROJECT, "scripts", "live-writer.ts");
  const args = [script, home, "--sessions", "20", "--rate", "200", "--churn", "3", "--seconds", String(SECONDS)];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  t.after(() => child.kill("SIGKILL"));
  let out = "";
  child.stdout.on("data", (text) => (out += String(text)));
  const closed = once(child, "close");
  await once(child.stdout, "data");
  let calls = 0;
  if (meanwhile) {
    do {
      await meanwhile(home);
      calls++;
      await turn(); // a small backup never waits for anything: nor would the writer's end be seen
    } while (child.exitCode === null && child.signalCode === null);
  }
  await closed;
  return { home, calls, report: JSON.parse(out.trim().split("\n").at(-1)!) as Report };
}

test("sessions that stop while backups run leave no WAL: nobody was in the way; every commit is there", async (t) => {
  const repo = await bench(t);
  const idle = await written(t);
  const { home, calls, report } = await written(t, async (live) => void (await repo.create(live)));
  assert.ok(report.sessions > 20, `${report.sessions} sessions`);
  // SQLite removes them at a session's close, unless somebody else has the database open.
  assert.deepEqual(globSync("sessions/*/events.db-{wal,shm,journal}", { cwd: home }), []);
  const files = globSync("sessions/sess-*/events.db", { cwd: home }).sort();
  let rows = 0;
  for (const file of files) {
    const [row] = queryCopy(join(home, file), "SELECT count(*) AS n, max(sequence) AS high FROM events");
    assert.equal(row!["n"], row!["high"], file);
    rows += Number(row!["n"]);
  }
  assert.equal(rows, 20 * 20 + report.events);
  const summaryOf = ({ commit_ms: commit, stop_ms: stop }: Report): string =>
    `commit p99 ${commit.p99} ms (p50 ${commit.p50}), session stop p50 ${stop.p50} ms (max ${stop.max})`;
  t.diagnostic(`figure: nobody backs up: ${summaryOf(idle.report)}; ${calls} backups meanwhile: ${summaryOf(report)}`);
});
