// A backup under load is one cut (R3, short form): nothing committed before it is missing, nothing is torn, nothing is touched.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test, type TestContext } from "node:test";
import { readAcks } from "../../scripts/live-writer/ack.ts";
import { madeHome, PROJECT } from "../support/homes.ts";
import { strength } from "../support/strength.ts";
import { dumpDatabase, queryCopy } from "../support/sqlite-dump.ts";
import { treeDiff, treeState } from "../support/tree.ts";
import { bench } from "./tool.ts";

const SECONDS = strength("soak seconds", 10);

interface Writer {
  readonly home: string;
  readonly ack: string;
  stop(): Promise<void>;
}

async function startWriter(t: TestContext, args: readonly string[]): Promise<Writer> {
  const { home } = madeHome(t, { sessions: 20, events: 20 });
  const ack = join(home, "..", "acks");
  const script = join(PROJECT, "scripts", "live-writer.ts");
  const child = spawn(process.execPath, [script, home, "--ack", ack, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const stop = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const closed = once(child, "close");
    child.kill("SIGTERM");
    await closed;
  };
  t.after(stop);
  await once(child.stdout!, "data");
  return { home, ack, stop };
}

/** Asked of the database itself: a plain copy of it may be torn while it is written to. */
function stoppedIn(file: string): ReadonlySet<string> {
  const db = new DatabaseSync(file, { readOnly: true, timeout: 5000 });
  try {
    const rows = db.prepare("SELECT id FROM sessions WHERE state = 'stopped'").all();
    return new Set(rows.map(({ id }) => String(id)));
  } finally {
    db.close();
  }
}

const WRITTEN = /^(?:agh\.db|daemon\.|sessions$|sessions\/ws_[^/]+$|\.$|logs\/)/;

test(`20 live sessions, 500 events a second, ${SECONDS} s: each snapshot is one sound cut`, async (t) => {
  const before = { state: new Map() as ReturnType<typeof treeState> };
  const writer = await startWriter(t, ["--sessions", "20", "--rate", "500", "--churn", "2"]);
  const repo = await bench(t);
  const old = stoppedIn(join(writer.home, "agh.db"));
  before.state = treeState(writer.home);
  const ends = performance.now() + SECONDS * 1000;
  let rounds = 0;
  let rows = 0;
  let skew = 0;
  do {
    const acked = readAcks(writer.ack);
    const snapshot = await repo.create(writer.home);
    skew = Math.max(skew, Number(snapshot["skew_ms"]));
    rows += checkCut(await repo.restore(), acked);
    rounds++;
  } while (performance.now() < ends || rounds < 3 || rows < 1000);
  const after = treeState(writer.home);
  await writer.stop();
  const isWritten = (path: string): boolean => {
    const session = /^sessions\/(?:ws_[^/]+\/)?(sess-[^/]+)/.exec(path)?.[1];
    return WRITTEN.test(path) || (session !== undefined && !old.has(session));
  };
  assert.deepEqual(treeDiff(before.state, after, { paths: isWritten }), []);
  assert.equal((await repo.ok("verify", "--all", "--level", "full")).records.at(-1)!["status"], "ok");
  t.diagnostic(`figure: ${rounds} cuts under load, ${rows} rows checked, skew at most ${skew} ms`);
});

/** Returns how many rows were looked at. */
function checkCut(restored: string, acked: ReadonlyMap<string, number>): number {
  assert.equal(dumpDatabase(join(restored, "agh.db")).integrity, "ok");
  const workspaces = new Set(queryCopy(join(restored, "agh.db"), "SELECT id FROM workspaces").map(({ id }) => id));
  assert.ok(workspaces.size > 0);
  let rows = 0;
  for (const [id, sequence] of acked) {
    const file = join(restored, "sessions", id, "events.db");
    assert.ok(existsSync(file), `${id} was committed to before the cut and is not in it`);
    assert.ok(!existsSync(`${file}-wal`));
    const [row] = queryCopy(file, "SELECT count(*) AS n, max(sequence) AS high, min(sequence) AS low FROM events");
    assert.ok(Number(row!["high"]) >= sequence, `${id}: ${sequence} committed, ${String(row!["high"])} restored`);
    assert.deepEqual([row!["low"], row!["n"]], [1, row!["high"]], `${id} has gaps`);
    assert.equal(queryCopy(file, "PRAGMA integrity_check")[0]!["integrity_check"], "ok");
    rows += Number(row!["n"]);
  }
  return rows;
}
