// A drill fails on anything that was and is not, whatever create has said of it; and every outcome of one is kept.
import assert from "node:assert/strict";
import { appendFileSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import type { AnyRecord } from "../../lib/records/record.ts";
import { drillSnapshot } from "../../lib/backup/verify/drill.ts";
import { tool as reconcileTool } from "../../bin/agh-reconcile.ts";
import { tool } from "../../bin/agh-backup.ts";
import { madeHome, realHome } from "../support/homes.ts";
import { runHere } from "../support/memory.ts";
import { bench, type Bench } from "./tool.ts";

const errors = (records: readonly AnyRecord[]): string[] =>
  records.filter(({ severity }) => severity === "error").map(({ code }) => String(code));
const verdict = (records: readonly AnyRecord[]): unknown => records.find(({ kind }) => kind === "verdict")?.["verdict"];
const kept = ({ repo }: Bench): AnyRecord[] =>
  readdirSync(join(repo, "drills"))
    .sort()
    .map((name) => JSON.parse(readFileSync(join(repo, "drills", name), "utf8")) as AnyRecord);

function sql(file: string, ...statements: readonly string[]): void {
  const db = new DatabaseSync(file);
  for (const statement of statements) db.exec(statement);
  db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  db.close();
}

const events = (home: string, id: string): string => join(home, "sessions", id, "events.db");
const withoutSidecars = (file: string): void => {
  for (const suffix of ["-wal", "-shm"]) rmSync(file + suffix, { force: true });
};
const emptied = (file: string): void => (withoutSidecars(file), writeFileSync(file, ""));
const overwritten = (file: string): void => (withoutSidecars(file), writeFileSync(file, "x".repeat(8192)));
const garbled = (file: string, page: number): void => {
  withoutSidecars(file);
  const bytes = readFileSync(file);
  bytes.fill(0xa5, page * 4096, page * 4096 + 4096);
  writeFileSync(file, bytes);
};

interface Loss {
  readonly name: string;
  readonly harm: (home: string, ids: readonly string[]) => void;
}

const LOSSES: readonly Loss[] = [
  { name: "an empty events.db", harm: (home, [id]) => emptied(events(home, id!)) },
  { name: "every events.db empty", harm: (home, ids) => ids.forEach((id) => emptied(events(home, id))) },
  { name: "no events.db", harm: (home, [id]) => (withoutSidecars(events(home, id!)), rmSync(events(home, id!))) },
  { name: "an events.db that is none", harm: (home, [id]) => overwritten(events(home, id!)) },
  {
    name: "an events.db cut short",
    harm: (home, [id]) => (withoutSidecars(events(home, id!)), truncateSync(events(home, id!), 5000)),
  },
  { name: "an events.db with a garbled page", harm: (home, [id]) => garbled(events(home, id!), 3) },
  {
    name: "an event in the middle",
    harm: (home, [id]) => sql(events(home, id!), "DELETE FROM events WHERE sequence = 4"),
  },
  {
    name: "a sequence of 2^63 - 1",
    harm: (home, [id]) => sql(events(home, id!), "UPDATE events SET sequence = 9223372036854775807 WHERE sequence = 4"),
  },
  { name: "an empty catalog", harm: (home) => emptied(join(home, "agh.db")) },
  { name: "no catalog", harm: (home) => (withoutSidecars(join(home, "agh.db")), rmSync(join(home, "agh.db"))) },
  { name: "a catalog that is none", harm: (home) => overwritten(join(home, "agh.db")) },
  {
    name: "a catalog without its tables",
    harm: (home) =>
      sql(join(home, "agh.db"), "PRAGMA foreign_keys = OFF", "DROP TABLE sessions", "DROP TABLE workspaces"),
  },
  { name: "a meta.json cut short", harm: (home, [id]) => truncateSync(join(home, "sessions", id!, "meta.json"), 10) },
  {
    name: "all directories of sessions",
    harm: (home, ids) => ids.forEach((id) => rmSync(join(home, "sessions", id), { recursive: true })),
  },
  {
    name: "another database",
    harm: (home) => {
      const file = join(home, "memory", "notes.db");
      sql(file, "CREATE TABLE a (b)", "INSERT INTO a SELECT zeroblob(4000) FROM (VALUES (1), (2), (3), (4), (5), (6))");
      garbled(file, 2);
    },
  },
];

for (const { name, harm } of LOSSES) {
  test(`lost: ${name}`, async (t) => {
    const { home, ids } = madeHome(t, { sessions: 3, events: 12, seed: 7 });
    const repo = await bench(t);
    await repo.run("create", "--home", home);
    harm(home, ids);
    // Of a repository that knows nothing better the drill finds it as well.
    const fresh = await bench(t);
    await fresh.run("create", "--home", home);
    const { code, records, stderr } = await fresh.run("drill");
    assert.deepEqual([code, verdict(records)], [1, "failed"], `${stderr} ${errors(records).join()}`);
    assert.equal(kept(fresh).at(-1)!["verdict"], "failed");
    const checked = await runHere(reconcileTool, ["check", "--level", "deep", "--home", home]);
    const known = new Set(errors(records));
    for (const code of new Set(errors(checked.records))) assert.ok(known.has(code), `drill lacks ${code}`);
  });
}

const REAL: readonly (readonly [home: string, harm: (home: string) => void])[] = [
  [
    "agsh",
    (home) =>
      sql(join(home, "sessions.db"), "PRAGMA foreign_keys = OFF", "DELETE FROM messages", "DELETE FROM sessions"),
  ],
  ["agsh", (home) => emptied(join(home, "sessions.db"))],
  ["agsh", (home) => overwritten(join(home, "sessions.db"))],
  ["agsh", (home) => garbled(join(home, "sessions.db"), 2)],
  [
    "agdd-migrated",
    (home) => sql(join(home, "storage.db"), "PRAGMA foreign_keys = OFF", "DELETE FROM events", "DELETE FROM runs"),
  ],
  ["agdd-migrated", (home) => emptied(join(home, "storage.db"))],
  ["agdd-migrated", (home) => overwritten(join(home, "storage.db"))],
];

for (const [at, [name, harm]] of REAL.entries()) {
  test(`${name} (${at}): what the newest good snapshot has and this one lacks fails its drill`, async (t) => {
    const real = realHome(t, name);
    if (!real) return;
    const repo = await bench(t);
    await repo.run("create", "--home", real.home);
    const good = await repo.run("drill");
    assert.equal(good.code, 0, errors(good.records).join());
    harm(real.home);
    await repo.run("create", "--home", real.home);
    const { code, records, stderr } = await repo.run("drill");
    assert.deepEqual([code, verdict(records)], [1, "failed"], stderr);
  });
}

test("what was accepted is lost on purpose: its drill passes", async (t) => {
  const { home, ids } = madeHome(t, { sessions: 4, events: 6 });
  const repo = await bench(t);
  await repo.create(home);
  await repo.ok("drill");
  for (const id of ids.slice(1)) rmSync(join(home, "sessions", id), { recursive: true });
  const { records } = await repo.run("create", "--home", home);
  const snapshot = String(records[0]!["id"]);
  assert.equal((await repo.run("drill")).code, 1);
  const { openRepository } = await import("../../lib/formats/repository/repository.ts");
  const { putAcceptance } = await import("../../lib/formats/repository/acceptance.ts");
  const { ulid } = await import("../../lib/formats/ulid.ts");
  await putAcceptance(await openRepository(repo.repo), {
    format: 2,
    id: ulid(new Date()),
    snapshot,
    home_id: String(records[0]!["home_id"]),
    because: "they were moved",
    accepted_at: new Date().toISOString(),
  });
  assert.deepEqual(errors((await repo.run("drill")).records), []);
});

test("nothing to drill is a fault (1), and so is nothing to verify", async (t) => {
  const repo = await bench(t);
  for (const argv of [["drill"], ["verify", "--all"], ["verify", "latest"], ["verify", "--all", "--level", "deep"]]) {
    const { code, records } = await repo.run(...argv);
    assert.deepEqual([code, records[0]!["code"], records.at(-1)!["exit"]], [1, "NO_SNAPSHOT", 1], argv.join(" "));
  }
  assert.equal((await repo.run("verify", "-")).code, 0);
});

test("a drill that could not run is kept as such, and says nothing of the snapshot", async (t) => {
  const { home } = madeHome(t, { sessions: 1, events: 3 });
  const repo = await bench(t);
  await repo.create(home);
  await repo.ok("drill");
  const env = { HOME: join(repo.dir, "nobody"), TMPDIR: join(repo.dir, "none") };
  const ran = await runHere(tool, ["drill", "--repo", repo.repo], { env });
  assert.equal(ran.code, 6, ran.stderr);
  assert.match(ran.stderr, new RegExp(`${repo.dir}/none`));
  assert.equal(kept(repo).at(-1)!["verdict"], "not run");
  const signal = AbortSignal.abort();
  await runHere(tool, ["drill", "--repo", repo.repo], { env: { ...env, TMPDIR: repo.dir }, signal });
  assert.equal(kept(repo).at(-1)!["verdict"], "not run");
  const { records } = await repo.ok("show", "latest");
  assert.equal(records[0]!["state"], "good");
});

test("a drill that is broken off by whoever listens is kept as not run", async (t) => {
  const { home } = madeHome(t, { sessions: 2, events: 3 });
  const repo = await bench(t);
  await repo.create(home);
  const deps = {
    now: () => new Date(),
    signal: new AbortController().signal,
    log: { debug: () => undefined, info: () => undefined, problem: () => undefined },
    progress: { update: () => undefined },
    env: { HOME: repo.dir, TMPDIR: repo.dir },
    platform: "linux",
    isAlive: () => false,
  };
  for await (const _ of drillSnapshot({ repo: repo.repo, id: "latest", toolkit: "0" }, deps)) break;
  assert.equal(kept(repo).at(-1)!["verdict"], "not run");
});

test("a crash is a failed drill: it is kept, and thrown again", async (t) => {
  const { home } = madeHome(t, { sessions: 1, events: 3 });
  const repo = await bench(t);
  await repo.create(home);
  const crashing = {
    now: () => new Date(),
    signal: new AbortController().signal,
    log: { debug: () => undefined, info: () => undefined, problem: () => undefined },
    progress: {
      update: () => {
        throw new TypeError("a bug");
      },
    },
    env: { HOME: repo.dir, TMPDIR: repo.dir },
    platform: "linux",
    isAlive: () => false,
  };
  await assert.rejects(async () => {
    for await (const _ of drillSnapshot({ repo: repo.repo, id: "latest", toolkit: "0" }, crashing));
  }, /a bug/);
  const last = kept(repo).at(-1) as unknown as { verdict: string; findings: { code: string }[] };
  assert.deepEqual([last.verdict, last.findings.at(-1)!.code], ["failed", "DRILL_CRASHED"]);
});

test("a snapshot whose manifest is damaged fails its drill", async (t) => {
  const { home } = madeHome(t, { sessions: 1, events: 3 });
  const repo = await bench(t);
  const { id } = await repo.create(home);
  appendFileSync(join(repo.repo, "snapshots", `${String(id)}.json`), "x");
  const { code, records } = await repo.run("drill");
  assert.deepEqual([code, errors(records), kept(repo).at(-1)!["verdict"]], [1, ["MANIFEST_DAMAGED"], "failed"]);
});

test("verify --level deep keeps its outcome beside the drills, of each snapshot; a sample only what it has found", async (t) => {
  const { home, ids } = madeHome(t, { sessions: 2, events: 8 });
  const repo = await bench(t);
  await repo.create(home);
  await repo.ok("verify", "--all", "--level", "deep");
  assert.deepEqual(
    kept(repo).map(({ verdict: each, by }) => [each, by]),
    [["passed", "verify"]],
  );
  assert.equal((await repo.ok("show", "latest")).records[0]!["state"], "unproven", "bytes are no meaning");
  await repo.ok("verify", "--all", "--level", "deep", "--sample", "5%");
  await repo.ok("verify", "--all", "--level", "deep", "--dry-run");
  assert.equal(kept(repo).length, 1);
  sql(events(home, ids[0]!), "DELETE FROM events WHERE sequence = 3");
  await repo.run("create", "--home", home);
  assert.equal((await repo.run("verify", "--all", "--level", "deep")).code, 1);
  assert.deepEqual(
    kept(repo)
      .slice(1)
      .map(({ verdict: each }) => each),
    ["passed", "failed"],
  );
  assert.equal((await repo.ok("show", "latest")).records[0]!["state"], "bad");
});
