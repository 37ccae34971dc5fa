// Whatever begins as an SQLite database is one: main and WAL of one moment, in every class, root and runtime, under every name.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test, type TestContext } from "node:test";
import { ageKey } from "../support/age-keys.ts";
import { madeProject } from "../support/agdd.ts";
import { madeHome, PROJECT } from "../support/homes.ts";
import { queryCopy } from "../support/sqlite-dump.ts";
import { treeDiff, treeState } from "../support/tree.ts";
import { madeAgsh, uuid } from "../sources/agsh/make-databases.ts";
import { bench, type Bench } from "./tool.ts";

type State = "resting" | "live" | "killed" | "half";

interface Variant {
  readonly path: string;
  readonly mode: string;
  readonly state: State;
  /** How the line says that it was copied. */
  readonly copied: string;
}

const of = (path: string, mode: string, state: State, copied: string): Variant => ({ path, mode, state, copied });

const AGH: readonly Variant[] = [
  of("providers/hermes/.hermes/state.db", "wal", "live", "pair"),
  of("providers/goose/.local/share/goose/sessions/sessions.db", "wal", "killed", "pair"),
  of("memory/index.sqlite", "delete", "resting", "resting"),
  of("extensions/one/data.sqlite3", "wal", "killed", "pair"),
  of("agents/coder/cache", "delete", "half", "online"),
  of("skills/s/state.vscdb", "wal", "live", "pair"),
  of("notes.db", "truncate", "live", "online"),
  of("other/kept", "persist", "resting", "resting"),
  of("memory/exclusive.db", "exclusive-wal", "live", "pair"),
  of("memory/exclusive-rollback", "exclusive-delete", "live", "online"),
  of("memory/a.db", "wal", "killed", "pair"),
  of("memory/a.db-backup", "wal", "killed", "pair"),
  of("memory/a.db+", "wal", "resting", "resting"),
  of("session-archive/old/events.db", "wal", "killed", "pair"),
  of("logs/trace.db", "wal", "resting", "resting"),
  of("sessions/SESSION/aaa.db", "wal", "killed", "pair"),
];
const AGDD: readonly Variant[] = [
  of(".agdd/cache.sqlite", "wal", "live", "pair"),
  of(".agdd/plugins/x/state", "delete", "half", "online"),
  of(".runs/agents/cache.db", "wal", "killed", "pair"),
  of(".magsag/vectors.db", "persist", "resting", "resting"),
];
const AGSH: readonly Variant[] = [
  of("history.sqlite", "wal", "live", "pair"),
  of("plugins/state.db", "delete", "half", "online"),
  of("plugins/other.db", "wal", "killed", "pair"),
  of("cache", "delete", "resting", "resting"),
];

/** Three rows are committed in each; what a live or a dead writer began besides is not. */
async function make(t: TestContext, dir: string, variants: readonly Variant[]): Promise<() => Promise<void>> {
  const acks = join(dirname(dir), "acks");
  for (const { path } of variants) mkdirSync(dirname(join(dir, path)), { recursive: true });
  const run = async (chosen: readonly Variant[]): Promise<() => Promise<void>> => {
    if (chosen.length === 0) return () => Promise.resolve();
    const words = chosen.map(({ path, mode }) => `${join(dir, path)}=${mode}`);
    const args = [join(PROJECT, "test/support/database-writer.ts"), "hold", acks, ...words];
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    const closed = once(child, "close");
    const stop = async (): Promise<void> => {
      child.kill("SIGKILL");
      await closed;
    };
    t.after(stop);
    await once(child.stdout, "data");
    return stop;
  };
  await (
    await run(variants.filter(({ state }) => state !== "live"))
  )();
  for (const { path, state } of variants) {
    const file = join(dir, path);
    if (state === "resting") {
      const db = new DatabaseSync(file);
      db.exec("SELECT * FROM entries");
      db.close();
    }
    if (state === "half") tear(file);
  }
  return run(variants.filter(({ state }) => state === "live"));
}

/** As after kill -9 amid a transaction without WAL: half of it is in the file, and its journal beside it. */
function tear(file: string): void {
  const db = new DatabaseSync(file);
  db.exec("PRAGMA cache_size=1; BEGIN; UPDATE entries SET text = hex(zeroblob(20000))");
  for (const end of ["", "-journal"]) cpSync(file + end, `${file}.kept${end}`);
  db.exec("ROLLBACK");
  db.close();
  for (const end of ["", "-journal"]) {
    cpSync(`${file}.kept${end}`, file + end);
    rmSync(`${file}.kept${end}`);
  }
}

function assertSound(file: string): void {
  for (const end of ["-wal", "-shm", "-journal"]) assert.ok(!existsSync(file + end), `${file}${end}`);
  const [entries] = queryCopy(file, "SELECT count(*) AS n, max(n) AS high FROM entries");
  assert.deepEqual([entries!["n"], entries!["high"]], [3, 3], file);
  assert.equal(queryCopy(file, "PRAGMA integrity_check")[0]!["integrity_check"], "ok", file);
  assert.equal(queryCopy(file, "SELECT n FROM total")[0]!["n"], 3, file);
}

async function check(
  t: TestContext,
  repo: Bench,
  { home, variants, identity = [] }: { home: string; variants: readonly Variant[]; identity?: readonly string[] },
): Promise<void> {
  const stop = await make(t, home, variants);
  const before = treeState(home);
  const flags = ["--include", "providers"];
  const snapshot = await repo.create(home, ...flags);
  // A connection of this process may have come and gone in a shared index; nothing else.
  assert.deepEqual(treeDiff(before, treeState(home), { paths: (path) => path.endsWith("-shm") }), []);
  const { records } = await repo.ok("show", String(snapshot["id"]), ...identity);
  const lines = records.filter(({ kind }) => kind === "entry");
  for (const { path, copied } of variants) {
    const line = lines.find((entry) => entry["path"] === path);
    assert.equal((line?.["database"] as { copied?: string } | undefined)?.copied, copied, path);
    for (const end of ["-wal", "-shm", "-journal"]) {
      assert.ok(!lines.some((entry) => entry["path"] === path + end), `${path}${end} has a line of its own`);
    }
  }
  const restored = await repo.restore(...identity);
  for (const { path } of variants) assertSound(join(restored, path));
  await repo.ok("verify", "--all", "--level", "deep", ...identity);
  const drill = (await repo.ok("drill", ...identity)).records.find(({ kind }) => kind === "verdict");
  assert.ok(Number((drill!["evidence"] as { databases: number }).databases) >= variants.length);
  await stop();
  // Known again, but for what was taken out of a private copy.
  const again = await repo.create(home, ...flags);
  const read = variants.filter(({ state, copied }) => state === "live" || copied === "online");
  assert.ok(Number(again["new_files"]) <= read.length + 1, `${String(again["new_files"])} files were read again`);
  const latest = await repo.restore(...identity);
  for (const { path } of variants) assertSound(join(latest, path));
}

test(`AGH: ${AGH.length} databases of every class, journal mode and state`, async (t) => {
  const { home, ids } = madeHome(t, { sessions: 2, events: 5 });
  const variants = AGH.map((one) => ({ ...one, path: one.path.replace("SESSION", ids[0]!) }));
  const repo = await bench(t);
  await check(t, repo, { home, variants });
  const { records } = await repo.ok("list", "--session", ids[0]!);
  assert.equal(records[0]?.["last_sequence"], 5, "the session's own database tells its last event");
});

test(`AGDD and agsh: ${AGDD.length + AGSH.length} databases that no rule names, one repository encrypted`, async (t) => {
  const project = madeProject(t);
  await check(t, await bench(t), { home: project.root, variants: AGDD });
  const { home } = madeAgsh(t, { sessions: [{ id: uuid(1), messages: [] }] });
  const key = await ageKey(t);
  const repo = await bench(t, "--encrypt-to", key.recipient);
  await check(t, repo, { home, variants: AGSH, identity: ["--identity", key.file] });
});

/** Path, what lies there instead of its database, and whether that is a finding. */
const LONE: readonly (readonly [wal: string, main: Buffer | undefined, isFinding: boolean])[] = [
  ["sessions/SESSION/events.db-wal", undefined, true],
  ["memory/index.sqlite-wal", undefined, true],
  ["memory/empty.db-wal", Buffer.alloc(0), true],
  ["memory/zeros-wal", Buffer.alloc(4096), true],
  ["extensions/one/text.db-wal", Buffer.from("a text\n"), true],
  ["agents/coder/cache-wal", undefined, true],
  ["skills/s/state.vscdb-wal", undefined, true],
  ["other.db-wal", undefined, true],
  ["providers/x/deep/state.db-wal", undefined, true],
  ["providers/opencode/.local/share/opencode/opencode.db-wal", undefined, true],
  ["session-archive/old/events.db-wal", undefined, true],
  ["sessions/SESSION/events.db.corrupt.1-wal", undefined, false],
];

test(`a WAL without its database: kept as it is, a finding in every run (${LONE.length} places)`, async (t) => {
  const { home, ids } = madeHome(t, { sessions: 2, events: 5 });
  const made = join(dirname(home), "made");
  await (
    await make(t, made, [of("one.db", "wal", "killed", "pair")])
  )();
  const wal = readFileSync(join(made, "one.db-wal"));
  const lone = LONE.map(([path, ...rest]) => [path.replace("SESSION", ids[0]!), ...rest] as const);
  for (const [path, main] of lone) {
    const file = join(home, path.slice(0, -"-wal".length));
    mkdirSync(dirname(file), { recursive: true });
    rmSync(file, { force: true });
    writeFileSync(`${file}-wal`, wal);
    if (main) writeFileSync(file, main);
  }
  // By their names only.
  for (const [name, text] of [
    ["notes-wal", "no log"],
    ["none-wal", ""],
    ["x.db-journal", "text"],
    ["x.db-shm2", "text"],
  ]) {
    writeFileSync(join(home, "memory", name!), text!);
  }
  const repo = await bench(t);
  for (let round = 0; round < 2; round++) {
    const ran = await repo.run("create", "--home", home, "--include", "providers");
    assert.equal(ran.code, 3, ran.stderr);
    const found = ran.records.filter(({ code }) => code === "WAL_WITHOUT_DATABASE").map(({ id }) => String(id));
    const expected = lone.filter(([, , isFinding]) => isFinding).map(([path]) => join(home, path));
    assert.deepEqual(found.toSorted(), expected.toSorted());
    const restored = await repo.restore();
    for (const [path] of lone) {
      // Of a database that holds logins its WAL does as well.
      if (path.startsWith("providers/")) assert.ok(!existsSync(join(restored, path)), path);
      else assert.deepEqual(readFileSync(join(restored, path)), wal, path);
    }
    for (const name of ["notes-wal", "none-wal", "x.db-journal", "x.db-shm2"]) {
      assert.ok(existsSync(join(restored, "memory", name)), name);
    }
  }
});

test("a file that becomes a database, and one that a version of the toolkit took for a plain file", async (t) => {
  const { home } = madeHome(t, { sessions: 1, events: 5 });
  const repo = await bench(t);
  const path = join(home, "memory", "store");
  const copiedIn = async (id: unknown): Promise<unknown> => {
    const { records } = await repo.ok("show", String(id));
    const line = records.find((one) => one.kind === "entry" && one["path"] === "memory/store");
    return (line!["database"] as { copied?: unknown } | undefined)?.copied;
  };
  writeFileSync(path, "SQLite format 2");
  assert.equal(await copiedIn((await repo.create(home))["id"]), undefined);
  rmSync(path);
  await (
    await make(t, join(home, "memory"), [of("store", "wal", "killed", "pair")])
  )();
  assert.equal(await copiedIn((await repo.create(home))["id"]), "pair");
  assertSound(join(await repo.restore(), "memory/store"));
  // Once a database, it is looked at as one, whatever has become of it: and as one that is destroyed.
  for (const end of ["-wal", "-shm"]) rmSync(path + end, { force: true });
  writeFileSync(path, "no database any more");
  const { code, records } = await repo.run("create", "--home", home);
  const found = records.filter(({ kind }) => kind === "finding").map((each) => [each["code"], each["severity"]]);
  assert.deepEqual([code, found], [3, [["DATABASE_DESTROYED", "error"]]]);
  assert.equal(await copiedIn(records[0]!["id"]), "resting");
});
