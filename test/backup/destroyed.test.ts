// Homes that something destroys: create keeps the snapshot, says what is lost, and every later one is suspect until it is there again.
import assert from "node:assert/strict";
import {
  cpSync,
  existsSync,
  openSync,
  closeSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, test, type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { tool } from "../../bin/agh-backup.ts";
import { empty, remove, replace, shapes, sql, zeros, type Damage, type DamageRow, directory } from "./damages.ts";
import { ageKey } from "../support/age-keys.ts";
import { madeProject } from "../support/agdd.ts";
import { madeHome } from "../support/homes.ts";
import { runHere, type Ran } from "../support/memory.ts";
import { run } from "../support/run.ts";
import { envOf, startS3 } from "../support/s3-server.ts";
import { tempDir } from "../support/temp.ts";
import { madeAgsh, text, user, uuid } from "../sources/agsh/make-databases.ts";

interface Created {
  readonly code: number | null;
  readonly records: readonly Record<string, unknown>[];
  readonly stderr: string;
}
type Create = () => Promise<Created>;

async function assertFound(home: string, [name, damage, code]: DamageRow, create: Create, nights = 2): Promise<void> {
  damage(home);
  for (let night = 1; night <= nights; night++) {
    const { code: exit, records, stderr } = await create();
    const found = records.filter(({ kind }) => kind === "finding");
    assert.equal(exit, 3, `${name}, night ${night}: exit ${exit}: ${stderr}`);
    assert.ok(
      found.some((finding) => finding["code"] === code && finding["severity"] === "error"),
      `${name}, night ${night}: ${JSON.stringify(found.map((finding) => [finding["code"], finding["message"]]))}`,
    );
    assert.equal(records[0]!["state"], "suspect", name);
    const summary = records.at(-1)!;
    assert.deepEqual([summary["exit"], summary["failed"]], [3, found.length], name);
  }
}

interface Base {
  readonly home: string;
  readonly repo: string;
}

/** A home and the repository with its first snapshot; each row has a copy of both. */
async function based(t: TestContext, home: string): Promise<Base> {
  const repo = join(tempDir(t, "repo"), "r");
  await ok("init", "--repo", repo);
  await sleep(50); // longer than the kernel's tick, so that nothing counts as fresh
  await ok("create", "--home", home, "--repo", repo);
  return { home, repo };
}

async function ok(...argv: string[]): Promise<Ran> {
  const ran = await runHere(tool, argv);
  assert.equal(ran.code, 0, `${argv.join(" ")}: ${ran.stderr}${ran.stdout}`);
  return ran;
}

async function eachRow(t: TestContext, base: Base, rows: readonly DamageRow[]): Promise<void> {
  const original = join(tempDir(t, "original"), "h");
  cpSync(base.home, original, { recursive: true, preserveTimestamps: true });
  for (const [at, row] of rows.entries()) {
    const repo = `${base.repo}-${at}`;
    cpSync(base.repo, repo, { recursive: true });
    const create = (): Promise<Ran> => runHere(tool, ["create", "--home", base.home, "--repo", repo]);
    await assertFound(base.home, row, create, at % 6 === 0 ? 2 : 1);
    rmSync(base.home, { recursive: true });
    cpSync(original, base.home, { recursive: true, preserveTimestamps: true });
    rmSync(repo, { recursive: true });
  }
  // The same home, whole again.
  await ok("create", "--home", base.home, "--repo", base.repo);
}

test("AGH: each way to destroy a catalog, a session or a ledger is found, and found again", async (t) => {
  const { home, ids } = madeHome(t, { sessions: 8, events: 16 });
  const [id, other] = [ids[2]!, ids[3]!];
  const events = `sessions/${id}/events.db`;
  const ledger = readdirSync(join(home, "sessions"))
    .map((partition) => `sessions/${partition}/${id}/ledger.jsonl`)
    .find((path) => existsSync(join(home, path)))!;
  await eachRow(t, await based(t, home), [
    ...shapes("agh.db"),
    ...shapes(events),
    [
      "all events.db empty",
      (at) => ids.forEach((each) => empty(`sessions/${each}/events.db`)(at)),
      "DATABASE_DESTROYED",
    ],
    ["another session's database", replace(events, `sessions/${other}/events.db`), "DATABASE_DESTROYED"],
    ["a table dropped", sql(events, "DROP TABLE hook_runs"), "DATABASE_DESTROYED"],
    ["the first events deleted", sql(events, "DELETE FROM events WHERE sequence < 9"), "DATABASE_DESTROYED"],
    ["the last events deleted", sql(events, "DELETE FROM events WHERE sequence > 7"), "SESSION_SHRUNK"],
    ["an event in the middle deleted", sql(events, "DELETE FROM events WHERE sequence = 9"), "SESSION_SHRUNK"],
    ["meta.json gone", remove(`sessions/${id}/meta.json`), "SESSION_SHRUNK"],
    [
      "half of the sessions gone",
      (at) => ids.slice(4).forEach((each) => remove(`sessions/${each}`)(at)),
      "SESSION_LOST",
    ],
    [
      "a session gone with its ledger",
      (at) => [`sessions/${id}`, ledger].forEach((path) => remove(path)(at)),
      "SESSION_LOST",
    ],
    ["sessions/ gone", remove("sessions"), "SESSION_LOST"],
    [
      "all session directories emptied",
      (at) => ids.forEach((each) => remove(`sessions/${each}/events.db`)(at)),
      "DATABASE_DESTROYED",
    ],
    [
      "a catalog without its sessions",
      sql("agh.db", "PRAGMA foreign_keys=OFF", "DELETE FROM sessions"),
      "CATALOG_SHRUNK",
    ],
    [
      "a catalog without one session",
      sql("agh.db", "PRAGMA foreign_keys=OFF", `DELETE FROM sessions WHERE id='${id}'`),
      "CATALOG_SHRUNK",
    ],
    ["a ledger gone", remove(ledger), "LEDGER_LOST"],
    ["a ledger cut short", (at) => truncateSync(join(at, ledger), 500), "LEDGER_SHRUNK"],
  ]);
});

test("agsh: each way to destroy its database is found, and found again", async (t) => {
  const sessions = Array.from({ length: 8 }, (_, at) => ({
    id: uuid(at + 1),
    updatedAt: new Date().toISOString().replace("Z", "000000+00:00"),
    messages: Array.from({ length: 12 }, (__, n) =>
      n % 2 ? text(`answer ${n} ${"x".repeat(900)}`) : user(`question ${n}`),
    ),
  }));
  const { home } = madeAgsh(t, { sessions });
  await eachRow(t, await based(t, home), [
    // A home without its database is none any more.
    ...shapes("sessions.db").filter(([name]) => !name.endsWith("gone")),
    [
      "messages of one session deleted",
      sql("sessions.db", `DELETE FROM messages WHERE session_id='${uuid(3)}'`),
      "SESSION_SHRUNK",
    ],
    [
      "the row of a session deleted, its messages not",
      sql("sessions.db", "PRAGMA foreign_keys=OFF", `DELETE FROM sessions WHERE id='${uuid(3)}'`),
      "SESSION_LOST",
    ],
    [
      "half of the sessions deleted",
      sql(
        "sessions.db",
        ...["messages WHERE session_id", "sessions WHERE id"].map((of) => `DELETE FROM ${of} < '${uuid(5)}'`),
      ),
      "SESSION_LOST",
    ],
    ["everything deleted", sql("sessions.db", "DELETE FROM messages", "DELETE FROM sessions"), "SESSION_LOST"],
    [
      "an earlier database in its place",
      sql("sessions.db", "DELETE FROM messages WHERE id > 90", "UPDATE sqlite_sequence SET seq=90"),
      "DATABASE_DESTROYED",
    ],
  ]);
});

test("AGDD: each way to destroy its database is found, and found again", async (t) => {
  const { root } = madeProject(t, { runs: 20, events: 8 });
  const storage = ".agdd/storage.db";
  sql(storage, "VACUUM")(root); // so that its last page is one that counts
  const clean = ["DROP TRIGGER IF EXISTS events_ad", "DROP TRIGGER IF EXISTS events_au"];
  await eachRow(t, await based(t, root), [
    ...shapes(storage),
    [
      "every second run deleted",
      sql(storage, ...clean, "PRAGMA foreign_keys=ON", "DELETE FROM runs WHERE rowid % 2 = 0"),
      "SESSION_LOST",
    ],
    ["all runs deleted", sql(storage, ...clean, "PRAGMA foreign_keys=ON", "DELETE FROM runs"), "SESSION_LOST"],
    [
      "events of a run deleted",
      sql(storage, ...clean, "DELETE FROM events WHERE run_id=(SELECT run_id FROM runs LIMIT 1)"),
      "SESSION_SHRUNK",
    ],
    [
      "runs deleted, their events not",
      sql(storage, "PRAGMA foreign_keys=OFF", "DELETE FROM runs WHERE rowid = 3"),
      "SESSION_LOST",
    ],
    ["the table of runs dropped", sql(storage, "PRAGMA foreign_keys=OFF", "DROP TABLE runs"), "DATABASE_DESTROYED"],
  ]);
});

test("without an earlier snapshot: what is destroyed shows by its own shape", async (t) => {
  const rows: readonly [string, (ids: readonly string[]) => Damage][] = [
    ["agh.db of zeros", () => zeros("agh.db")],
    ["agh.db empty", () => empty("agh.db")],
    ["all events.db empty", (ids) => (at) => ids.forEach((id) => empty(`sessions/${id}/events.db`)(at))],
    ["one events.db gone", (ids) => remove(`sessions/${ids[0]}/events.db`)],
    ["agh.db is a directory", () => directory("agh.db")],
    ["one events.db is a directory", (ids) => directory(`sessions/${ids[0]}/events.db`)],
    ["one events.db of zeros", (ids) => zeros(`sessions/${ids[1]}/events.db`)],
    [
      "one events.db without a row in the middle",
      (ids) => sql(`sessions/${ids[1]}/events.db`, "DELETE FROM events WHERE sequence=5"),
    ],
  ];
  for (const [name, damageOf] of rows) {
    const { home, ids } = madeHome(t, { sessions: 3, events: 10 });
    const repo = join(tempDir(t, "repo"), "r");
    await ok("init", "--repo", repo);
    damageOf(ids)(home);
    const { code, records } = await runHere(tool, ["create", "--home", home, "--repo", repo]);
    assert.deepEqual([code, records[0]!["state"]], [3, "suspect"], name);
    const tar = await runHere(tool, ["create", "--home", home, "--to", "-"]);
    assert.equal(tar.code, 3, `${name}: ${tar.stderr}`);
  }
});

test("a session whose file was made and never written to is no loss", async (t) => {
  const { home } = madeHome(t, { sessions: 2, events: 10, ledgers: false });
  const { repo } = await based(t, home);
  const { ids } = { ids: readdirSync(join(home, "sessions")).filter((name) => name.startsWith("sess-")) };
  cpSync(join(home, "sessions", ids[0]!), join(home, "sessions/sess-00000000000000aa"), { recursive: true });
  const meta = join(home, "sessions/sess-00000000000000aa/meta.json");
  writeFileSync(meta, readFileSync(meta, "utf8").replaceAll(ids[0]!, "sess-00000000000000aa"));
  empty("sessions/sess-00000000000000aa/events.db")(home);
  await ok("create", "--home", home, "--repo", repo);
  await ok("create", "--home", home, "--repo", repo);
});

test("--verify full opens every database: damage that no quick look shows is found (1), the sound home is ok", async (t) => {
  const { home, ids } = madeHome(t, { sessions: 3, events: 300 });
  const { repo } = await based(t, home);
  await ok("create", "--home", home, "--repo", repo, "--verify", "full");
  await ok("create", "--home", home, "--repo", repo, "--verify", "deep");
  const file = join(home, "sessions", ids[0]!, "events.db");
  const fd = openSync(file, "r+");
  const index = new DatabaseSync(file, { readOnly: true });
  const root = Number(
    index.prepare("SELECT rootpage FROM sqlite_schema WHERE name='idx_events_turn'").get()!["rootpage"],
  );
  index.close();
  writeSync(fd, Buffer.alloc(40, 0x41), 0, 40, root * 4096 - 50);
  closeSync(fd);
  const quick = await runHere(tool, ["create", "--home", home, "--repo", repo, "--verify", "quick"]);
  const full = await runHere(tool, ["create", "--home", home, "--repo", repo, "--verify", "full"]);
  assert.deepEqual([quick.code, full.code], [0, 1], full.stdout);
  assert.ok(full.records.some(({ kind, severity }) => kind === "finding" && severity === "error"));
});

test("the loss is told until what was lost is there again; what was never taken is compared with the last that had it", async (t) => {
  const { home, ids } = madeHome(t, { sessions: 6, events: 10 });
  const { repo } = await based(t, home);
  const aside = join(tempDir(t, "aside"), "s");
  const create = (...more: string[]): Promise<Ran> =>
    runHere(tool, ["create", "--home", home, "--repo", repo, ...more]);
  for (const id of ids.slice(3))
    cpSync(join(home, "sessions", id), join(aside, id), { recursive: true, preserveTimestamps: true });
  // A snapshot without sessions is no measure of them.
  assert.equal((await create("--exclude", "sessions")).code, 0);
  for (const id of ids.slice(3)) rmSync(join(home, "sessions", id), { recursive: true });
  for (const _ of [1, 2, 3]) assert.equal((await create()).code, 3);
  for (const id of ids.slice(3)) renameSync(join(aside, id), join(home, "sessions", id));
  const back = await create();
  assert.deepEqual([back.code, back.records[0]!["state"]], [0, "unproven"], back.stdout);
});

test("encrypted, and without the identity: a loss is found by what the cache knows", async (t) => {
  const key = await ageKey(t);
  const { home, ids } = madeHome(t, { sessions: 4, events: 10 });
  const dir = tempDir(t, "encrypted");
  const repo = join(dir, "r");
  const env = { HOME: join(dir, "nobody"), TMPDIR: dir };
  const backup = (...argv: string[]): Promise<Ran> => runHere(tool, [...argv, "--repo", repo], { env });
  assert.equal((await backup("init", "--encrypt-to", key.recipient)).code, 0);
  await sleep(50);
  assert.equal((await backup("create", "--home", home)).code, 0);
  await assertFound(home, ["zeros", zeros(`sessions/${ids[0]}/events.db`), "DATABASE_DESTROYED"], () =>
    backup("create", "--home", home),
  );
});

const server = await startS3();
if (typeof server === "string") test("in S3", (t) => t.skip(server));
else {
  after(() => server.stop());
  test("in S3: a loss is found", async (t) => {
    const { home, ids } = madeHome(t, { sessions: 4, events: 10 });
    const more = ["--repo", `s3://${server.bucket}/destroyed`];
    const backup = (...argv: string[]) => run("backup", [...argv, ...more], { env: envOf(server.port) });
    assert.equal((await backup("init")).code, 0);
    assert.equal((await backup("create", "--home", home)).code, 0);
    const row: DamageRow = ["empty", empty(`sessions/${ids[0]}/events.db`), "DATABASE_DESTROYED"];
    await assertFound(home, row, () => backup("create", "--home", home));
  });
}
