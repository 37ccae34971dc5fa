// agsh homes through agh-inspect: where they are found, what is refused, and databases that are in use or were left amid a write.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test, type TestContext } from "node:test";
import { tool } from "../../bin/agh-inspect.ts";
import { realHome } from "../support/homes.ts";
import { runHere, type Ran } from "../support/memory.ts";
import { tempDir } from "../support/temp.ts";
import { assertUntouched, treeState } from "../support/tree.ts";
import { CANARY, madeAgsh, makeAgsh, text, user, uuid } from "../sources/agsh/make-databases.ts";

const SESSIONS = [{ id: uuid(1), messages: [user("hello"), text("there")] }];

type Env = { readonly [name: string]: string };
const homes = async (env: Env, platform = "linux", argv: readonly string[] = []): Promise<string[]> => {
  const ran = await runHere(tool, ["homes", ...argv], { env, platform });
  assert.equal(ran.code, 0, ran.stderr);
  return ran.records.filter(({ runtime }) => runtime === "agsh").map(({ home }) => String(home));
};

test("homes: every platform's default place, and AGSH_DATA_DIR before it", async (t) => {
  const base = tempDir(t);
  const at = (path: string): string => join(base, path);
  const places = {
    linux: at("home/.local/share/agsh"),
    xdg: at("xdg/agsh"),
    darwin: at("home/Library/Application Support/agsh"),
    win32: at("roaming/agsh"),
    named: at("named/agsh"),
    itself: at("itself"),
  };
  for (const place of Object.values(places)) makeAgsh(place, { sessions: SESSIONS });
  const HOME = at("home");
  assert.deepEqual(await homes({ HOME }), [places.linux]);
  assert.deepEqual(await homes({ HOME, XDG_DATA_HOME: at("xdg") }), [places.xdg]);
  assert.deepEqual(await homes({ HOME, XDG_DATA_HOME: "relative" }), [places.linux], "as the specification has it");
  assert.deepEqual(await homes({ HOME }, "darwin"), [places.darwin]);
  assert.deepEqual(await homes({ HOME, APPDATA: at("roaming") }, "win32"), [places.win32]);
  assert.deepEqual(await homes({ HOME, AGSH_DATA_DIR: at("named") }), [places.named]);
  assert.deepEqual(await homes({ HOME, AGSH_DATA_DIR: places.itself }), [places.itself]);
  assert.deepEqual(await homes({ HOME: "/nowhere" }), []);
  const meka = at("home/.local/share/meka");
  makeAgsh(meka, { shape: "0.27.0", name: "meka.db", sessions: SESSIONS });
  assert.deepEqual(await homes({ HOME }), [places.linux, meka]);
  assert.deepEqual(await homes({ HOME }, "linux", ["--runtime", "agh"]), []);
});

test("--runtime agsh without --home: the default place; what is not there is told with its name", async (t) => {
  const base = tempDir(t);
  makeAgsh(join(base, "agsh"), { sessions: SESSIONS });
  const found = await runHere(tool, ["sessions", "--runtime", "agsh"], { env: { XDG_DATA_HOME: base } });
  assert.deepEqual(
    found.records.map(({ id }) => id),
    [uuid(1)],
  );
  const none = await runHere(tool, ["sessions", "--runtime", "agsh"], { env: { AGSH_DATA_DIR: "/no/such" } });
  assert.equal(none.code, 6);
  assert.match(none.stderr, /no home exists at \/no\/such \(AGSH_DATA_DIR\)/);
  assert.match(none.stderr, /^ {2}try: agh-inspect homes/m);
});

test("--home: the directory, the database itself, and one above it, which is told", async (t) => {
  const { home, file } = madeAgsh(t, { sessions: SESSIONS });
  for (const place of [home, file, `${home}/`]) {
    const ran = await runHere(tool, ["sessions", "--home", place]);
    assert.deepEqual([ran.code, ran.records[0]!["home"]], [0, home], ran.stderr);
  }
  const above = await runHere(tool, ["sessions", "--home", dirname(home)]);
  assert.equal(above.code, 6);
  assert.match(above.stderr, new RegExp(`try: --home ${home}$`, "m"));
  const other = await runHere(tool, ["sessions", "--home", home, "--runtime", "agh"]);
  assert.match(other.stderr, /try: --runtime agsh$/m);
});

test("a UUID is named by four characters of its beginning", async (t) => {
  const real = realHome(t, "agsh");
  if (!real) return;
  const ids = async (...argv: string[]): Promise<unknown[]> =>
    (await runHere(tool, ["sessions", ...argv, "--home", real.home])).records.map(({ id }) => id);
  assert.deepEqual(await ids("cd61"), ["cd613e30-d8f1-4adf-91b7-584a2265b1f5"]);
  assert.deepEqual(await ids("cd613e30-d8f1"), ["cd613e30-d8f1-4adf-91b7-584a2265b1f5"]);
  assert.equal((await runHere(tool, ["sessions", "cd6", "--home", real.home])).code, 2);
  assert.equal((await runHere(tool, ["sessions", "d8f1", "--home", real.home])).code, 2);
});

test("is_last is the one that agsh -c would continue; the newest text, not the newest time", async (t) => {
  const sessions = [
    { id: uuid(1), updatedAt: "2026-04-01T00:00:00.5+00:00" },
    { id: uuid(2), updatedAt: "2026-04-01T00:00:00+00:00" },
    { id: uuid(3), updatedAt: "2026-04-01T00:00:00.123456789+00:00" },
  ];
  const { home } = madeAgsh(t, { sessions });
  const { records } = await runHere(tool, ["sessions", "--home", home]);
  assert.deepEqual(
    records.map(({ is_last }) => is_last),
    [true, false, false],
  );
  assert.deepEqual(
    records.map(({ updated_at }) => updated_at),
    ["2026-04-01T00:00:00.5Z", "2026-04-01T00:00:00Z", "2026-04-01T00:00:00.123456789Z"],
  );
});

test("messages without a session are listed as what they are, and can be read", async (t) => {
  const { home } = madeAgsh(t, { sessions: [...SESSIONS, { id: uuid(9), row: false, messages: [user("lost")] }] });
  const { records } = await runHere(tool, ["sessions", "--state", "unindexed", "--home", home]);
  assert.deepEqual(
    records.map(({ id, effective, resume }) => [id, effective, resume]),
    [[uuid(9), "unindexed", undefined]],
  );
  const events = await runHere(tool, ["events", uuid(9), "--home", home]);
  assert.deepEqual(
    events.records.map(({ content }) => content),
    ["lost"],
  );
});

test("no login on any output of any verb, in any format", async (t) => {
  const { home } = madeAgsh(t, { shape: "0.8.0", sessions: SESSIONS });
  const verbs = [
    "overview",
    "homes",
    "paths",
    "sessions",
    "events --all",
    "turns",
    "usage",
    "tools",
    "table",
    "search hello",
  ];
  const tables = ["table oauth_tokens", "table mcp_oauth_credentials"];
  for (const words of [...verbs, ...tables, `show ${uuid(1)}`]) {
    for (const format of ["json", "table", "csv"]) {
      const ran = await runHere(tool, [...words.split(" "), "--format", format, "--home", home]);
      assert.equal(ran.code, 0, `${words}: ${ran.stderr}`);
      assert.doesNotMatch(ran.stdout + ran.stderr, CANARY, words);
    }
  }
  const masked = await runHere(tool, ["table", "oauth_tokens", "--home", home]);
  assert.equal((masked.records[0]!["values"] as { access_token: string }).access_token, "********");
});

const READING = ["overview", "sessions", "events --all", "turns", "usage", "tools", "table", "paths", "search hello"];

async function readAll(home: string, check: (ran: Ran, words: string) => void): Promise<void> {
  for (const words of READING) check(await runHere(tool, [...words.split(" "), "--home", home]), words);
}

/** A process that holds the database as `sql` leaves it, until the test ends. */
async function holder(t: TestContext, file: string, sql: string): Promise<void> {
  const script = `const { DatabaseSync } = await import("node:sqlite"); const db = new DatabaseSync(process.argv[1]);
    db.exec(process.argv[2]); console.log("held"); setInterval(() => db.isOpen, 1000);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script, file, sql]);
  t.after(() => child.kill("SIGKILL"));
  await once(child.stdout, "data");
}

for (const [how, sql] of [
  ["an exclusive lock", "BEGIN EXCLUSIVE"],
  ["an open write", "BEGIN IMMEDIATE; UPDATE messages SET content = 'half'"],
  [
    "a write that has spilled into the file",
    "PRAGMA cache_size = 1; BEGIN; UPDATE messages SET content = content || 'SPILLED' || hex(zeroblob(20000))",
  ],
] as const) {
  test(`beside a process with ${how}: what was committed is read, and nothing is touched`, async (t) => {
    const many = Array.from({ length: 40 }, (_, at) => user(`hello ${at}`));
    const { home, file } = madeAgsh(t, { sessions: [{ id: uuid(1), messages: many }] });
    await holder(t, file, sql);
    const before = treeState(home);
    await readAll(home, (ran, words) => {
      assert.equal(ran.code, 0, `${words}: ${ran.stderr}`);
      assert.doesNotMatch(ran.stdout, /half|SPILLED/, words);
    });
    const events = await runHere(tool, ["events", uuid(1), "--home", home]);
    assert.equal(events.records.length, 40);
    assertUntouched(before, treeState(home));
  });
}

test("a journal that a dead writer left is rolled back in a copy; the home keeps it", async (t) => {
  const many = Array.from({ length: 40 }, (_, at) => user(`hello ${at}`));
  const { home, file } = madeAgsh(t, { sessions: [{ id: uuid(1), messages: many }] });
  leaveJournal(file);
  assert.ok(existsSync(`${file}-journal`));
  const before = treeState(home);
  await readAll(home, (ran, words) => assert.equal(ran.code, 0, `${words}: ${ran.stderr}`));
  const events = await runHere(tool, ["events", uuid(1), "--home", home]);
  assert.deepEqual(
    events.records.map(({ content }) => content),
    many.map(({ content }) => content),
  );
  assertUntouched(before, treeState(home));
});

/** As after kill -9 amid a transaction: the file half written, its journal beside it. */
function leaveJournal(file: string): void {
  const db = new DatabaseSync(file);
  db.exec("PRAGMA cache_size = 1; BEGIN; UPDATE messages SET content = content || hex(zeroblob(20000))");
  for (const suffix of ["", "-journal"]) cpSync(file + suffix, `${file}.kept${suffix}`);
  db.exec("ROLLBACK");
  db.close();
  for (const suffix of ["", "-journal"]) renameSync(`${file}.kept${suffix}`, file + suffix);
}

test("meka's WAL is read with the rows that are only in it", async (t) => {
  const { home, file } = madeAgsh(t, { shape: "0.27.0", name: "meka.db", sessions: SESSIONS });
  const db = new DatabaseSync(file);
  db.exec(`PRAGMA wal_autocheckpoint = 0; INSERT INTO messages (session_id, role, content, created_at)
    VALUES ('${uuid(1)}', 'user', 'only in the WAL', '2026-05-01T00:00:00+00:00')`);
  for (const suffix of ["", "-wal"]) cpSync(file + suffix, `${file}.kept${suffix}`);
  db.close();
  for (const suffix of ["", "-wal"]) renameSync(`${file}.kept${suffix}`, file + suffix);
  const before = treeState(home);
  const { records } = await runHere(tool, ["events", uuid(1), "--tail", "1", "--home", home]);
  assert.equal(records[0]!["content"], "only in the WAL");
  assertUntouched(before, treeState(home));
});

test("a missing database is told, and none is made", async (t) => {
  const base = tempDir(t);
  mkdirSync(join(base, "agsh"));
  await readAll(join(base, "agsh"), (ran) => assert.equal(ran.code, 6));
  const named = await runHere(tool, ["sessions", "--home", join(base, "agsh/sessions.db")]);
  assert.equal(named.code, 6);
  assert.deepEqual([...treeState(base).keys()], [".", "agsh"]);
});

test("a damaged database: what cannot be read is told (6), and is left as it is", async (t) => {
  const { home, file } = madeAgsh(t, {
    sessions: [{ id: uuid(1), messages: Array.from({ length: 300 }, () => text("x".repeat(500))) }],
  });
  const bytes = readFileSync(file);
  const db = Buffer.from(bytes);
  db.fill(0xff, 8192, bytes.length - 4096);
  rmSync(file);
  writeFileSync(file, db);
  const before = treeState(home);
  const ran = await runHere(tool, ["events", "--all", "--home", home]);
  assert.equal(ran.code, 6, ran.stderr);
  assert.match(ran.stderr, /is damaged/);
  assertUntouched(before, treeState(home));
});

test("the directory that a bare sessions/ makes AGH's is agsh's where its database is", async (t) => {
  const { home } = madeAgsh(t, { sessions: SESSIONS });
  mkdirSync(join(home, "sessions"));
  const ran = await runHere(tool, ["overview", "--home", home]);
  assert.equal(ran.records[0]!["runtime"], "agsh");
});

test("of a directory that is not agsh's own only the database belongs to it", async (t) => {
  const base = tempDir(t);
  makeAgsh(base, { sessions: SESSIONS });
  writeFileSync(join(base, "somebody's.txt"), "work");
  const { records } = await runHere(tool, ["paths", "--home", join(base, "sessions.db")]);
  assert.deepEqual(
    records.map(({ path }) => path),
    ["sessions.db"],
  );
});
