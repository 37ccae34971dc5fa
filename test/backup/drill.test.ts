// A drill passes what is sound and names what is not; status, diff and deep verification tell the same story.
import assert from "node:assert/strict";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test, type TestContext } from "node:test";
import type { AnyRecord } from "../../lib/records/record.ts";
import { dailySample } from "../../lib/policy/daily-sample.ts";
import { madeHome, realHome } from "../support/homes.ts";
import { treeState } from "../support/tree.ts";
import { bench, type Bench } from "./tool.ts";

const errors = (records: readonly AnyRecord[]): string[] =>
  records.filter(({ severity }) => severity === "error").map(({ code }) => String(code));
const verdict = (records: readonly AnyRecord[]): unknown => records.find(({ kind }) => kind === "verdict")?.["verdict"];

async function drilled(t: TestContext, name: string): Promise<{ code: number; records: AnyRecord[] } | undefined> {
  const real = realHome(t, name);
  if (!real) return undefined;
  const repo = await bench(t);
  await repo.run("create", "--home", real.home);
  return repo.run("drill");
}

for (const name of ["agh-clean", "agh-killed"]) {
  test(`${name} passes`, async (t) => {
    const ran = await drilled(t, name);
    if (ran) assert.deepEqual([ran.code, errors(ran.records), verdict(ran.records)], [0, [], "passed"]);
  });
}

test("agh-drifted: the cut meta.json is named", async (t) => {
  const ran = await drilled(t, "agh-drifted");
  if (ran) assert.deepEqual([ran.code, errors(ran.records), verdict(ran.records)], [1, ["META_UNUSABLE"], "failed"]);
});

test("agh-unbootable: the lost workspaces are named, and that the daemon would not start", async (t) => {
  const ran = await drilled(t, "agh-unbootable");
  if (!ran) return;
  assert.equal(ran.code, 1);
  assert.deepEqual(errors(ran.records), [
    "CATALOG_REPLACED",
    "WORKSPACE_MISSING",
    "WORKSPACE_MISSING",
    "UNLISTED_META_UNUSABLE",
    "BOOT_REFUSED",
  ]);
});

test("any one flipped byte of what the snapshot needs fails the drill", async (t) => {
  const { home } = madeHome(t, { sessions: 2, events: 10 });
  const repo = await bench(t);
  await repo.create(home);
  assert.equal((await repo.run("drill", "--dry-run")).code, 0);
  for (const [path, { type, size }] of treeState(repo.repo)) {
    if (type !== "file" || !/^(?:packs|indexes|snapshots)\//.test(path)) continue;
    const file = join(repo.repo, path);
    const sound = readFileSync(file);
    for (let at = 7; at < size; at += Math.ceil(size / 12)) {
      const broken = Buffer.from(sound);
      broken[at]! ^= 0x10;
      writeFileSync(file, broken);
      const { code, stdout, stderr } = await repo.run("drill", "--dry-run");
      assert.ok(code === 1 || code === 6, `byte ${at} of ${path}: exit ${code}`);
      assert.match(stdout + stderr, /damaged|E_|DAMAGED|index lists/, `byte ${at} of ${path}`);
    }
    writeFileSync(file, sound);
  }
});

/** Backs up a home whose first session was tampered with. */
async function tampered(t: TestContext, sql: string): Promise<Bench> {
  const { home, ids } = madeHome(t, { sessions: 2, events: 10 });
  const db = new DatabaseSync(join(home, "sessions", ids[0]!, "events.db"));
  db.exec(`PRAGMA foreign_keys=OFF; ${sql}; PRAGMA wal_checkpoint(TRUNCATE)`);
  db.close();
  const repo = await bench(t);
  await repo.run("create", "--home", home);
  return repo;
}

test("an event that is missing in the middle is found by drill, and by verify --level deep; full reads only bytes, and says what create found", async (t) => {
  const repo = await tampered(t, "DELETE FROM events WHERE sequence = 4");
  const { code, records } = await repo.run("drill");
  assert.equal(code, 1);
  assert.ok(
    errors(records).includes("SEQUENCE_GAP") && errors(records).includes("LEDGER_DIFFERS"),
    String(errors(records)),
  );
  const verified = async (level: string): Promise<unknown> => {
    const ran = await repo.run("verify", "--all", "--level", level);
    return [ran.code, errors(ran.records)];
  };
  assert.deepEqual(await verified("full"), [1, ["SNAPSHOT_SUSPECT"]]);
  assert.deepEqual(await verified("deep"), [1, ["SEQUENCE_GAP", "SNAPSHOT_SUSPECT"]]);
});

test("results are kept, and status goes by them: stale without a snapshot, a drill, or with a failed one", async (t) => {
  const { home } = madeHome(t, { sessions: 2, events: 10 });
  const repo = await bench(t);
  assert.equal((await repo.run("status")).code, 1);
  await repo.create(home);
  await repo.ok("status", "--max-age", "26h");
  assert.equal((await repo.run("status", "--max-drill-age", "8d")).code, 1);
  await repo.ok("drill");
  const later = (hours: number): string[] => ["--now", new Date(Date.now() + hours * 3_600_000).toISOString()];
  const { records } = await repo.ok("status", "--max-age", "26h", "--max-drill-age", "8d", ...later(25));
  assert.equal(verdict(records), "fresh");
  assert.equal((await repo.run("status", "--max-age", "26h", ...later(27))).code, 1);
  assert.equal((await repo.run("status", "--max-drill-age", "8d", ...later(200))).code, 1);
  assert.equal((await repo.run("status", "--max-age", "26h", ...later(-1))).code, 1, "a stamp from the future");
  const [drill] = [...treeState(join(repo.repo, "drills")).keys()].filter((path) => path.endsWith(".json"));
  await repo.ok("verify", "--all");
  writeFileSync(join(repo.repo, "drills", drill!), "{}");
  assert.deepEqual(errors((await repo.run("verify", "--all")).records), ["DRILL_DAMAGED"]);
  rmSync(join(repo.repo, "drills", drill!));
  assert.equal((await repo.run("status", "--home-id", "0000000000000000")).code, 1);
});

test("diff: what came, went and changed, with the last event before and after; 0 when nothing did", async (t) => {
  const { home, ids } = madeHome(t, { sessions: 3, events: 10 });
  const repo = await bench(t);
  const a = String((await repo.create(home))["id"]);
  const db = new DatabaseSync(join(home, "sessions", ids[0]!, "events.db"));
  db.exec(`INSERT INTO events SELECT 'evt-new', sequence + 1, turn_id, type, agent_name, content, timestamp
    FROM events ORDER BY sequence DESC LIMIT 1; PRAGMA wal_checkpoint(TRUNCATE)`);
  const { last } = db.prepare("SELECT max(sequence) AS last FROM events").get() as { last: number };
  db.close();
  rmSync(join(home, "sessions", ids[1]!), { recursive: true });
  writeFileSync(join(home, "mcp.json"), "{}");
  const b = String((await repo.create(home))["id"]);
  const { code, records } = await repo.run("diff", a, b);
  assert.equal(code, 1);
  const found = new Map(records.filter(({ kind }) => kind === "diff").map((record) => [String(record["id"]), record]));
  const events = found.get(`home/sessions/${ids[0]}/events.db`)!;
  assert.deepEqual(
    [events["before"], events["after"]].map((state) => (state as { last_sequence: number }).last_sequence),
    [last - 1, last],
  );
  assert.equal(found.get(`home/sessions/${ids[1]}/meta.json`)?.["change"], "removed");
  assert.ok(found.has("home/mcp.json"));
  assert.equal((await repo.ok("diff", b, "latest")).records.length, 1);
  const withSession = (await repo.ok("list", "--session", ids[1]!)).records;
  assert.deepEqual(
    withSession.map(({ id }) => id),
    [a],
  );
  const grown = (await repo.ok("list", "--session", ids[0]!)).records;
  assert.deepEqual(
    grown.map(({ last_sequence }) => last_sequence),
    [last, last - 1],
  );
  assert.equal((await repo.run("list", "--session", "sess-none")).code, 2);
  assert.equal((await repo.run("diff", "2001-01-01", "latest")).code, 2);
  assert.equal((await repo.ok("show", "2099-01-01 18:00")).records[0]!["id"], b);
});

test("a sample is another part each day or week, and all have had their turn after 20", () => {
  const digests = Array.from({ length: 500 }, (_, at) => (at * 8_589_934).toString(16).padStart(8, "0").slice(-8));
  for (const [fraction, runs] of [
    [0.05, 20],
    [1 / 7, 8],
  ] as const) {
    for (const step of [1, 7]) {
      const seen = new Set<string>();
      for (let run = 0; run < runs; run++) {
        const isTurn = dailySample(fraction, new Date(Date.UTC(2026, 0, 1 + run * step)));
        for (const digest of digests) if (isTurn(digest)) seen.add(digest);
      }
      assert.equal(seen.size, digests.length, `${fraction}, every ${step} days`);
    }
  }
});
