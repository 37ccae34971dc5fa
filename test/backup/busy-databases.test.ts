// Twenty databases of agents, each with a writer that commits as fast as the machine gives: no copy is torn, none is missing.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test, type TestContext } from "node:test";
import { madeHome, PROJECT } from "../support/homes.ts";
import { strength } from "../support/strength.ts";
import { bench } from "./tool.ts";

/** How many snapshots; each copies all of them. */
const COPIES = strength("copies", 2);
const MODES = ["wal", "wal", "wal", "wal", "exclusive-wal", "wal", "wal", "delete", "wal", "truncate"];
const DATABASES = Array.from({ length: 20 }, (_, at) => {
  return {
    path: `providers/agent${at}/share/store${at % 3 === 0 ? ".db" : at % 3 === 1 ? "" : ".sqlite"}`,
    mode: MODES[at % 10]!,
  };
});

interface Writers {
  /** The newest row of each database that its writer knows to be committed. */
  acknowledged(): number[];
  /** Fails when they have ended by themselves. */
  stop(): Promise<void>;
}

async function startWriters(t: TestContext, home: string): Promise<Writers> {
  const acks = join(dirname(home), "acks");
  const words = DATABASES.map(({ path, mode }) => {
    mkdirSync(dirname(join(home, path)), { recursive: true });
    return `${join(home, path)}=${mode}`;
  });
  const script = join(PROJECT, "test/support/database-writer.ts");
  const child = spawn(process.execPath, [script, "busy", acks, ...words], { stdio: ["ignore", "pipe", "inherit"] });
  const closed = once(child, "close");
  const kill = async (): Promise<void> => {
    child.kill("SIGKILL");
    await closed;
  };
  t.after(kill);
  await once(child.stdout, "data");
  return {
    acknowledged: () => DATABASES.map((_, at) => readFileSync(join(acks, String(at))).readDoubleBE(0)),
    stop: async () => {
      assert.equal(child.exitCode, null, "a writer failed");
      await kill();
    },
  };
}

/** The newest transaction; both tables must say it, and the rows before it must be there. */
function newestIn(file: string): number {
  const db = new DatabaseSync(file);
  try {
    assert.equal(db.prepare("PRAGMA integrity_check").get()!["integrity_check"], "ok", file);
    const row = db.prepare("SELECT count(*) AS n, min(n) AS low, max(n) AS high FROM entries").get()!;
    const [n, low, high] = [row["n"], row["low"], row["high"]].map(Number) as [number, number, number];
    assert.equal(high - low + 1, n, `${file} has gaps`);
    assert.equal(n, Math.min(high, 200), `${file} is torn`);
    assert.equal(db.prepare("SELECT n FROM total").get()!["n"], high, `${file}: its tables do not agree`);
    return high;
  } finally {
    db.close();
  }
}

test(`20 databases, each with a busy writer, ${COPIES} snapshots: none torn, none omitted`, async (t) => {
  const { home } = madeHome(t, { sessions: 1, events: 5 });
  const { acknowledged, stop } = await startWriters(t, home);
  const repo = await bench(t);
  const started = { at: performance.now(), rows: acknowledged() };
  for (let copies = 0; copies < COPIES; copies++) {
    const before = acknowledged();
    const snapshot = await repo.create(home, "--include", "providers");
    const restored = await repo.restore();
    for (const [at, { path }] of DATABASES.entries()) {
      assert.ok(newestIn(join(restored, path)) >= before[at]!, `${path}: rows committed before are missing`);
    }
    rmSync(restored, { recursive: true });
    if (copies === 0) {
      const found = readdirSync(dirname(join(home, DATABASES[0]!.path)));
      assert.ok(found.every((name) => /^store(?:\.db|\.sqlite)?(?:-wal|-shm|-journal)?$/.test(name)));
    }
    assert.ok(snapshot["id"]);
  }
  const seconds = (performance.now() - started.at) / 1000;
  await stop();
  const rows = acknowledged().reduce((sum, n, at) => sum + n - started.rows[at]!, 0);
  const each = acknowledged().map((n, at) => Math.round((n - started.rows[at]!) / seconds));
  t.diagnostic(
    `figure: ${COPIES * DATABASES.length} copies in ${seconds.toFixed(1)} s, ${Math.round(rows / seconds)} transactions/s (${Math.min(...each)}-${Math.max(...each)} a database)`,
  );
});
