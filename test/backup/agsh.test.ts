// agsh homes through agh-backup: consistent copies whatever the writer does, and one session brought back.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test, type TestContext } from "node:test";
import { tool as backup } from "../../bin/agh-backup.ts";
import { tool as inspect } from "../../bin/agh-inspect.ts";
import { tool as ledger } from "../../bin/agh-ledger.ts";
import type { AnyRecord } from "../../lib/records/record.ts";
import { realHome } from "../support/homes.ts";
import { runHere, type Ran } from "../support/memory.ts";
import { run } from "../support/run.ts";
import { dumpDatabase, queryCopy } from "../support/sqlite-dump.ts";
import { tempDir } from "../support/temp.ts";
import { assertUntouched, treeState } from "../support/tree.ts";
import { madeAgsh, text, user, uuid, type MadeSession } from "../sources/agsh/make-databases.ts";
import { isSound } from "./tool.ts";

async function repository(t: TestContext): Promise<string> {
  const repo = join(tempDir(t), "repo");
  await ok("init", "--repo", repo);
  return repo;
}

async function ok(...argv: readonly string[]): Promise<Ran> {
  const ran = await runHere(backup, argv);
  assert.equal(ran.code, 0, `${argv.join(" ")}: ${ran.stderr}`);
  return ran;
}

const SESSIONS: readonly MadeSession[] = [
  { id: uuid(1), messages: [user("one"), text("first")] },
  { id: uuid(2), lockedBy: "4242", messages: Array.from({ length: 30 }, (_, at) => user(`two ${at}`)) },
];

test("homes | create -: AGH, agsh and AGDD, one snapshot each", async (t) => {
  const [agh, agsh, agdd] = [realHome(t, "agh-clean"), realHome(t, "agsh"), realHome(t, "agdd")];
  if (!agh || !agsh || !agdd) return;
  const repo = await repository(t);
  const before = [agh, agsh, agdd].map(({ base }) => treeState(base));
  const env = { AGH_HOME: agh.home, AGSH_DATA_DIR: agsh.home };
  const homes = await run("inspect", ["homes", "--json"], { env, cwd: dirname(agdd.home) });
  assert.deepEqual(
    homes.records.map(({ runtime, home }) => [runtime, home]),
    [
      ["agh", agh.home],
      ["agsh", agsh.home],
      ["agdd", dirname(agdd.home)],
    ],
  );
  const ran = await run("backup", ["create", "-", "--repo", repo], { stdin: homes.stdout });
  assert.ok(isSound(ran), ran.stderr);
  const snapshots = ran.records.filter(({ kind }) => kind === "snapshot");
  assert.deepEqual(
    snapshots.map(({ runtime }) => runtime),
    ["agh", "agsh", "agdd"],
  );
  for (const [at, { base }] of [agh, agsh, agdd].entries()) assertUntouched(before[at]!, treeState(base));
  await ok("verify", "--all", "--level", "deep", "--repo", repo);
  for (const { id, runtime } of snapshots) {
    const drilled = await ok("drill", String(id), "--repo", repo);
    const verdicts = drilled.records.filter(({ kind }) => kind === "verdict").map(({ verdict }) => verdict);
    assert.deepEqual(verdicts, ["passed"], String(runtime));
  }
});

/** Commits pairs of messages as fast as it can, and says after each how many are committed. */
const WRITER = `const { DatabaseSync } = await import("node:sqlite");
  const db = new DatabaseSync(process.argv[1], { timeout: 60000 });
  const put = db.prepare("INSERT INTO messages (session_id, role, content, created_at) VALUES (?, 'user', ?, ?)");
  for (let n = 1; ; n++) {
    db.exec("BEGIN IMMEDIATE");
    for (const half of ["a", "b"]) put.run(process.argv[2], n + half, new Date().toISOString());
    db.exec("COMMIT");
    process.stdout.write(n + "\\n");
    await new Promise((resolve) => setTimeout(resolve, 1));
  }`;

test("under a writer that never rests each snapshot is one moment, with all that was committed before it", async (t) => {
  const { home, file } = madeAgsh(t, { sessions: [{ id: uuid(1), messages: [user("first")] }] });
  const writer = spawn(process.execPath, ["--input-type=module", "-e", WRITER, file, uuid(1)]);
  t.after(() => writer.kill("SIGKILL"));
  let committed = 0;
  writer.stdout.on("data", (chunk: Buffer) => (committed = Number(chunk.toString().trim().split("\n").at(-1))));
  await once(writer.stdout, "data");
  const db = new DatabaseSync(file, { timeout: 60_000 });
  db.prepare("UPDATE sessions SET locked_by = ?").run(String(writer.pid));
  db.close();
  const repo = await repository(t);
  for (let round = 1; round <= 3; round++) {
    const before = committed;
    const ran = await runHere(backup, ["create", "--home", home, "--repo", repo], { isAlive: () => true });
    assert.equal(ran.code, 0, ran.stderr);
    const to = join(tempDir(t), "back");
    await ok("restore", "latest", "--to", to, "--repo", repo);
    const rows = queryCopy(join(to, "sessions.db"), "SELECT content FROM messages ORDER BY id").map(
      ({ content }) => content,
    );
    const pairs = (rows.length - 1) / 2;
    assert.ok(pairs >= before, `${pairs} of ${before} pairs`);
    assert.deepEqual(rows, ["first", ...Array.from({ length: pairs }, (_, n) => [`${n + 1}a`, `${n + 1}b`]).flat()]);
  }
  await ok("verify", "--all", "--level", "deep", "--repo", repo);
});

test("a snapshot holds every row, restores byte for byte, and is read as a place", async (t) => {
  const real = realHome(t, "agsh-v08");
  if (!real) return;
  const repo = await repository(t);
  await ok("create", "--home", real.home, "--repo", repo);
  const to = join(tempDir(t), "back");
  await ok("restore", "latest", "--to", to, "--repo", repo);
  assert.deepEqual(readdirSync(to), ["sessions.db"]);
  assert.equal(treeState(to).get("sessions.db")!.content, treeState(real.home).get("sessions.db")!.content);
  const { records } = await runHere(inspect, ["sessions", "--home", `backup:${repo}@latest`]);
  assert.equal(records.length, 8);
  const locked = records.filter(({ state }) => state === "locked");
  assert.deepEqual(
    locked.map(({ effective }) => effective),
    ["unknown", "unknown"],
    "pids of a copy mean nothing here",
  );
  const again = await ok("create", "--home", real.home, "--repo", repo);
  assert.equal(again.records[0]!["new_files"], 0);
});

/** As after kill -9 amid a transaction: the file half written, its journal beside it. */
function leaveJournal(file: string): void {
  const db = new DatabaseSync(file);
  db.exec("PRAGMA cache_size = 1; BEGIN; UPDATE messages SET content = content || 'SPILLED' || hex(zeroblob(20000))");
  for (const suffix of ["", "-journal"]) cpSync(file + suffix, `${file}.kept${suffix}`);
  db.exec("ROLLBACK");
  db.close();
  for (const suffix of ["", "-journal"]) renameSync(`${file}.kept${suffix}`, file + suffix);
}

test("a home whose writer died amid a transaction: what was committed is in the snapshot, the home keeps its journal", async (t) => {
  const { home, file } = madeAgsh(t, { sessions: SESSIONS });
  const committed = dumpDatabase(file);
  leaveJournal(file);
  const repo = await repository(t);
  const before = treeState(home);
  await ok("create", "--home", home, "--repo", repo);
  assertUntouched(before, treeState(home));
  assert.ok(existsSync(`${file}-journal`));
  await ok("verify", "latest", "--level", "deep", "--repo", repo);
  const to = join(tempDir(t), "back");
  await ok("restore", "latest", "--to", to, "--repo", repo);
  assert.deepEqual(readdirSync(to), ["sessions.db"]);
  assert.equal(dumpDatabase(join(to, "sessions.db")).digest, committed.digest);
});

test("a live agsh's home is left as it is, journal and all", async (t) => {
  for (const journal of [false, true]) {
    const { home, file } = madeAgsh(t, { sessions: SESSIONS });
    if (journal) leaveJournal(file);
    const repo = await repository(t);
    const before = treeState(home);
    const ran = await runHere(backup, ["create", "--home", home, "--repo", repo], { isAlive: () => true });
    assert.equal(ran.code, 0, ran.stderr);
    assertUntouched(before, treeState(home));
  }
});

test("meka's WAL is in the snapshot", async (t) => {
  const { home, file } = madeAgsh(t, { shape: "0.27.0", name: "meka.db", sessions: SESSIONS });
  const db = new DatabaseSync(file);
  try {
    db.exec(`PRAGMA wal_autocheckpoint = 0; UPDATE messages SET content = 'only in the WAL' WHERE id = 1`);
    const repo = await repository(t);
    await ok("create", "--home", home, "--repo", repo);
    const { records } = await runHere(inspect, ["events", uuid(1), "--home", `backup:${repo}@latest`]);
    assert.equal(records[0]!["content"], "only in the WAL");
  } finally {
    db.close();
  }
});

interface Lost {
  readonly home: string;
  readonly file: string;
  readonly repo: string;
}

/** A home that lost a session after its backup, and has others since. */
async function lost(t: TestContext, sql = ""): Promise<Lost> {
  const { home, file } = madeAgsh(t, { sessions: SESSIONS });
  const repo = await repository(t);
  await ok("create", "--home", home, "--repo", repo);
  const db = new DatabaseSync(file);
  db.exec(`DELETE FROM messages WHERE session_id = '${uuid(2)}'; DELETE FROM sessions WHERE id = '${uuid(2)}'; ${sql}`);
  db.close();
  return { home, file, repo };
}

test("restore --session --into: planned, then done; messages first to last, the lock not brought back", async (t) => {
  const { home, file, repo } = await lost(t);
  const before = treeState(home);
  const argv = ["restore", "latest", "--session", uuid(2).slice(0, 8), "--into", file, "--repo", repo];
  const planned = await ok(...argv);
  assert.deepEqual(
    planned.records.map(({ kind, state }) => [kind, state]),
    [
      ["action", "planned"],
      ["action", "planned"],
      ["summary", undefined],
    ],
  );
  assertUntouched(before, treeState(home));
  const done = await ok(...argv, "--apply");
  assert.deepEqual(
    done.records.map(({ kind }) => kind),
    ["action", "action", "session", "summary"],
  );
  const [session] = done.records.filter(({ kind }) => kind === "session");
  assert.deepEqual([session!["state"], session!["effective"]], ["unlocked", "stopped"]);
  const events = await runHere(inspect, ["events", uuid(2), "--home", home]);
  assert.deepEqual(
    events.records.map(({ content }) => content),
    SESSIONS[1]!.messages!.map(({ content }) => content),
  );
  const again = await ok(...argv, "--apply");
  assert.equal(again.records.at(-1)!["unchanged"], 1);
});

test("list --session names the snapshots that hold it", async (t) => {
  const { home, repo } = await lost(t);
  await ok("create", "--home", home, "--repo", repo);
  const all = (await ok("list", "--repo", repo)).records.map(({ id }) => id);
  const snapshotsWith = async (word: string): Promise<unknown[]> =>
    (await ok("list", "--session", word, "--repo", repo)).records.map(({ id }) => id);
  assert.deepEqual(await snapshotsWith(uuid(1)), all);
  assert.deepEqual(await snapshotsWith(uuid(2).slice(0, 8)), all.slice(-1));
  assert.equal((await runHere(backup, ["list", "--session", "ffffffff", "--repo", repo])).code, 2);
});

test("a session that is there and differs stays as it is (4)", async (t) => {
  const { home, file, repo } = await lost(t);
  const db = new DatabaseSync(file);
  db.exec(`UPDATE messages SET content = 'changed' WHERE session_id = '${uuid(1)}'`);
  db.close();
  const before = dumpDatabase(file);
  const ran = await runHere(backup, [
    "restore",
    "latest",
    "--session",
    uuid(1),
    "--into",
    home,
    "--repo",
    repo,
    "--apply",
  ]);
  assert.equal(ran.code, 4);
  assert.match(ran.stderr, /differs from the snapshot/);
  assert.deepEqual(dumpDatabase(file), before);
});

test("message ids that were given to others since: the messages come after them, in their order", async (t) => {
  const { home, file, repo } = await lost(t);
  const db = new DatabaseSync(file);
  db.exec("UPDATE messages SET id = id + 2");
  db.close();
  await ok("restore", "latest", "--session", uuid(2), "--into", home, "--repo", repo, "--apply");
  const events = await runHere(inspect, ["events", uuid(2), "--home", home]);
  assert.deepEqual(
    events.records.map(({ content }) => content),
    SESSIONS[1]!.messages!.map(({ content }) => content),
  );
  const again = await ok("restore", "latest", "--session", uuid(2), "--into", home, "--repo", repo, "--apply");
  assert.equal(again.records.at(-1)!["unchanged"], 1);
});

test("what is not there is told, and no database is made for it", async (t) => {
  const { home, repo } = await lost(t);
  const nowhere = join(tempDir(t), "agsh");
  const argv = ["restore", "latest", "--repo", repo, "--into"];
  assert.equal((await runHere(backup, [...argv, nowhere, "--session", uuid(2), "--apply"])).code, 6);
  assert.equal(existsSync(nowhere), false);
  assert.equal((await runHere(backup, [...argv, home, "--session", "ffffffff"])).code, 2);
  const whole = await runHere(backup, [...argv, home, "--apply"]);
  assert.equal(whole.code, 4);
  assert.match(whole.stderr, /try: --session ID/);
  const replace = await runHere(backup, [...argv, home, "--session", uuid(2), "--replace", "--apply"]);
  assert.equal(replace.code, 4);
  const apart = ["restore", "latest", "--repo", repo, "--session", uuid(2), "--to", nowhere];
  assert.equal((await runHere(backup, apart)).code, 4);
});

test("a drill compares the ledgers that were written of sessions with their messages", async (t) => {
  const { home } = madeAgsh(t, { sessions: SESSIONS });
  const written = await runHere(ledger, ["write", "--all", "--home", home]);
  assert.equal(written.code, 0, written.stderr);
  const repo = await repository(t);
  await ok("create", "--home", home, "--repo", repo);
  const passed = await ok("drill", "--repo", repo);
  const { evidence } = passed.records.find(({ kind }) => kind === "verdict")!;
  assert.deepEqual([(evidence as AnyRecord)["sessions"], (evidence as AnyRecord)["ledgers"]], [2, 2]);
  const file = join(home, ".agh-ledgers", uuid(1), "ledger.jsonl");
  writeFileSync(file, readFileSync(file, "utf8").replace("first", "other"));
  await ok("create", "--home", home, "--repo", repo);
  const failed = await runHere(backup, ["drill", "--repo", repo]);
  assert.equal(failed.code, 1);
  assert.deepEqual(
    failed.records.filter(({ severity }) => severity === "error").map(({ code, id }) => [code, id]),
    [["LEDGER_DIFFERS", uuid(1)]],
  );
});

test("only the database of a directory that is not agsh's own goes into a snapshot", async (t) => {
  const base = tempDir(t);
  const { file } = madeAgsh(t, { sessions: SESSIONS });
  cpSync(file, join(base, "sessions.db"));
  writeFileSync(join(base, "somebody's.txt"), "work");
  const repo = await repository(t);
  await ok("create", "--home", join(base, "sessions.db"), "--repo", repo);
  const to = join(tempDir(t), "back");
  await ok("restore", "latest", "--to", to, "--repo", repo);
  assert.deepEqual(readdirSync(to), ["sessions.db"]);
});
