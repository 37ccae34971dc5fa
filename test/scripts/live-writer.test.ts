// The live writer behaves as AGH's daemon: lock, WAL that only grows, nothing acked that is not committed, a stop in order.
import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { spawn, spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import test from "node:test";
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { readAcks } from "../../scripts/live-writer/ack.ts";
import { madeHome, PROJECT } from "../support/homes.ts";
import { dumpDatabase, queryCopy } from "../support/sqlite-dump.ts";

const SCRIPT = path.join(PROJECT, "scripts/live-writer.ts");

interface Writer {
  readonly home: string;
  readonly ack: string;
  readonly child: ChildProcess;
  readonly sessions: readonly string[];
  /** Sends the signal and gives back all that was printed after the first line. */
  end(signal: NodeJS.Signals): Promise<string>;
}

test("what was acked before a kill is in the database after it, gapless", async (t) => {
  const writer = await startWriter(t, ["--sessions", "5", "--rate", "2000"]);
  await acked(writer, 200);
  const acks = readAcks(writer.ack);
  await writer.end("SIGKILL");
  for (const [id, sequence] of acks) {
    const file = path.join(writer.home, "sessions", id, "events.db");
    const [row] = queryCopy(file, "SELECT count(*) AS n, max(sequence) AS high FROM events");
    assert.ok(Number(row!["high"]) >= sequence, `${id}: ${sequence} acked, ${row!["high"]} there`);
    assert.equal(row!["n"], row!["high"]);
  }
  assert.ok(fs.existsSync(path.join(writer.home, "daemon.json")));
});

test("while it writes the main file stays one page and the daemon's lock is held", async (t) => {
  const writer = await startWriter(t, ["--sessions", "3", "--rate", "500"]);
  await acked(writer, 60);
  for (const id of writer.sessions) {
    const file = path.join(writer.home, "sessions", id, "events.db");
    assert.equal(fs.statSync(file).size, 4096);
    assert.ok(fs.statSync(`${file}-wal`).size > 4096);
  }
  const flock = spawnSync("flock", ["-n", "-x", path.join(writer.home, "daemon.lock"), "true"]);
  if (flock.error === undefined) assert.equal(flock.status, 1);
  assert.equal(Number(fs.readFileSync(path.join(writer.home, "daemon.lock"), "utf8")), writer.child.pid);
  await writer.end("SIGTERM");
});

test("SIGTERM stops every session in order: no WAL left, a ledger, meta.json and row agree", async (t) => {
  const writer = await startWriter(t, ["--sessions", "3", "--rate", "500", "--churn", "5"]);
  await acked(writer, 100);
  const report = JSON.parse(await writer.end("SIGTERM")) as { events: number; commit_ms: { p99: number } };
  assert.ok(report.events >= 100 && report.commit_ms.p99 > 0);
  const rows = queryCopy(path.join(writer.home, "agh.db"), "SELECT id, state, workspace_id FROM sessions");
  const acks = readAcks(writer.ack);
  assert.ok(acks.size > 3, "churn started new sessions");
  for (const [id, sequence] of acks) {
    const directory = path.join(writer.home, "sessions", id);
    assert.deepEqual(fs.readdirSync(directory).toSorted(), ["events.db", "meta.json"]);
    assert.equal(dumpDatabase(path.join(directory, "events.db")).tables["events"]?.rows, sequence);
    const row = rows.find((it) => it["id"] === id)!;
    assert.equal(row["state"], "stopped");
    const ledger = path.join(writer.home, "sessions", String(row["workspace_id"]), id, "ledger.jsonl");
    assert.equal(fs.readFileSync(ledger, "utf8").trimEnd().split("\n").length, sequence + 1);
  }
  assert.equal(fs.existsSync(path.join(writer.home, "daemon.json")), false);
  assert.equal(fs.readFileSync(path.join(writer.home, "daemon.lock"), "utf8"), "0\n");
});

async function startWriter(t: TestContext, args: readonly string[]): Promise<Writer> {
  // Registered first, so that the writer is gone before its home is.
  let stop = async (): Promise<void> => undefined;
  t.after(() => stop());
  const { home } = madeHome(t, { sessions: 2, events: 5 });
  const ack = path.join(home, "..", "ack");
  const child = spawn(process.execPath, [SCRIPT, home, "--ack", ack, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = new Promise<void>((resolve) => child.once("close", () => resolve()));
  stop = () => (child.kill("SIGKILL"), exited);
  let printed = "";
  child.stdout.on("data", (chunk: Buffer) => (printed += chunk.toString()));
  await until(() => printed.includes("\n"));
  const [first] = printed.split("\n");
  const { sessions } = JSON.parse(first!) as { sessions: string[] };
  const end = async (signal: NodeJS.Signals): Promise<string> => {
    child.kill(signal);
    await exited;
    return printed.slice(first!.length + 1);
  };
  return { home, ack, child, sessions, end };
}

function acked(writer: Writer, events: number): Promise<void> {
  return until(() => [...readAcks(writer.ack).values()].reduce((sum, it) => sum + it, 0) >= events);
}

async function until(holds: () => boolean): Promise<void> {
  for (const end = Date.now() + 10_000; !holds(); await sleep(10)) {
    assert.ok(Date.now() < end, "waited for ten seconds");
  }
}
