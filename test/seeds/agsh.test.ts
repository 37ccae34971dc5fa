// The document "Sessions" of agsh: every row of it, done with our commands over a home that agsh's own statements made.
import assert from "node:assert/strict";
import { cpSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test, type TestContext } from "node:test";
import { tool as inspect } from "../../bin/agh-inspect.ts";
import { tool as reconcile } from "../../bin/agh-reconcile.ts";
import { tool as vacuum } from "../../bin/agh-vacuum.ts";
import type { Tool } from "../../lib/cli/verb.ts";
import type { AnyRecord } from "../../lib/records/record.ts";
import { realHome } from "../support/homes.ts";
import { runHere } from "../support/memory.ts";
import { tempDir } from "../support/temp.ts";
import { madeAgsh, makeAgsh, uuid } from "../sources/agsh/make-databases.ts";

const DEAD = "dead0000-0000-4000-8000-00000000000a";
const LIVE = "11fe0000-0000-4000-8000-00000000000a";
const EMPTY = "44c5b476-3fe3-4d03-87fc-816ac16e2284";
const alive = (pid: number): boolean => pid === 3999998;

interface Home {
  readonly home: string;
  readonly file: string;
}

/** A test over the real home, in which the process that holds one session lives. */
function seed(row: string, body: (of: Home, t: TestContext) => Promise<void>): void {
  test(row, async (t) => {
    const real = realHome(t, "agsh");
    if (real) await body({ home: real.home, file: join(real.home, "sessions.db") }, t);
  });
}

async function ok(tool: Tool, home: string, ...argv: readonly string[]): Promise<AnyRecord[]> {
  const ran = await runHere(tool, [...argv, "--home", home], { isAlive: alive });
  assert.equal(ran.code, 0, `${argv.join(" ")}: ${ran.stderr}`);
  return ran.records;
}

/** The document's own SQL, on a copy. */
function sql(t: TestContext, file: string, statement: string): Record<string, unknown>[] {
  const copy = join(tempDir(t), "copy.db");
  cpSync(file, copy);
  const db = new DatabaseSync(copy);
  try {
    return db.prepare(statement).all() as Record<string, unknown>[];
  } finally {
    db.close();
  }
}

const one = async (home: string, id: string): Promise<AnyRecord> => (await ok(inspect, home, "sessions", id))[0]!;

test("A session is not created when agsh starts: an empty store lists none", async (t) => {
  const { home } = madeAgsh(t, { shape: "0.1.0" });
  assert.deepEqual(await ok(inspect, home, "sessions"), []);
  assert.equal((await ok(inspect, home, "overview"))[0]!["sessions"], 0);
});

seed("It is created lazily when you send the first message: one without messages is a finding", async ({ home }) => {
  assert.equal(((await one(home, EMPTY))["has"] as { events: boolean }).events, false);
  const found = await ok(reconcile, home, "check", "--code", "SESSION_EMPTY");
  assert.deepEqual(
    found.filter(({ kind }) => kind === "finding").map(({ id }) => id),
    [EMPTY],
  );
});

seed(
  "When a session is created, its UUID is printed to stderr: --format ids prints them all, one a line",
  async ({ home, file }, t) => {
    const ran = await runHere(inspect, ["sessions", "--format", "ids", "--home", home]);
    const ids = sql(t, file, "SELECT id FROM sessions ORDER BY id").map(({ id }) => id);
    assert.deepEqual(ran.stdout.trimEnd().split("\n"), ids);
  },
);

seed(
  "When you exit agsh, the session UUID is printed again: each session says how to go on with it",
  async ({ home }) => {
    for (const { id, resume } of await ok(inspect, home, "sessions")) assert.equal(resume, `agsh -s ${String(id)}`);
  },
);

seed(
  "Sessions include the full message history: your inputs, the agent's responses, and tool call results",
  async ({ home, file }, t) => {
    const events = await ok(inspect, home, "events", "--all");
    const types = new Set(events.map(({ type }) => type));
    assert.deepEqual([...types].toSorted(), ["assistant", "tool_result", "tool_use", "user"]);
    const messages = sql(t, file, "SELECT id, content FROM messages WHERE role = 'user'");
    const contents = new Map(events.map(({ id, content }) => [id, content]));
    for (const { id, content } of messages) assert.equal(contents.get(String(id)), content);
  },
);

seed(
  "agsh -s UUID loads the previous conversation history and continues: turns shows what it would load",
  async ({ home }) => {
    const turns = await ok(inspect, home, "turns", "0741c7a8-7ce4-4c82-9807-2e8c35bf992d");
    assert.deepEqual(
      turns.map(({ prompt }) => prompt),
      ["Fix the login page CSS", "ok, now"],
    );
  },
);

seed("agsh -c resumes the most recently updated session: is_last names it", async ({ home, file }, t) => {
  const [last] = sql(t, file, "SELECT id FROM sessions ORDER BY updated_at DESC LIMIT 1");
  const marked = (await ok(inspect, home, "sessions")).filter(({ is_last }) => is_last);
  assert.deepEqual(
    marked.map(({ id }) => id),
    [last!["id"]],
  );
});

seed("Only one agsh instance can be attached to a session at a time: lock names the process", async ({ home }) => {
  assert.deepEqual((await one(home, LIVE))["lock"], { pid: 3999998, alive: true });
  assert.deepEqual((await one(home, EMPTY))["lock"], { pid: null, alive: false });
});

seed(
  "A session that is locked by a running agsh process: cannot be resumed, and is never touched",
  async ({ home }) => {
    const { resumable, effective } = await one(home, LIVE);
    assert.deepEqual([effective, (resumable as { ok: boolean }).ok], ["running", false]);
    const removing = await runHere(vacuum, ["sessions", LIVE, "--home", home, "--apply"], { isAlive: alive });
    assert.equal(removing.code, 3);
    const planned = await ok(reconcile, home, "plan");
    assert.ok(!planned.some(({ id }) => id === LIVE));
  },
);

seed(
  "If the locking process has exited, agsh allows you to take over the lock: dead, resumable, and cleared by a plan",
  async ({ home, file }, t) => {
    const { resumable, effective, updated_at } = await one(home, DEAD);
    assert.deepEqual([effective, (resumable as { ok: boolean }).ok], ["dead", true]);
    await ok(reconcile, home, "plan", "--code", "LOCK_DEAD", "--apply");
    const cleared = await one(home, DEAD);
    assert.deepEqual([cleared["effective"], cleared["updated_at"]], ["stopped", updated_at]);
    assert.equal(sql(t, file, `SELECT locked_by FROM sessions WHERE id = '${DEAD}'`)[0]!["locked_by"], null);
  },
);

for (const [platform, path, env] of [
  ["linux", ".local/share/agsh", {}],
  ["linux", "xdg/agsh", { XDG_DATA_HOME: "xdg" }],
  ["darwin", "Library/Application Support/agsh", {}],
  ["win32", "AppData/Roaming/agsh", { APPDATA: "AppData/Roaming" }],
] as const) {
  test(`Storage location: ${platform}, ${path}/sessions.db`, async (t) => {
    const base = tempDir(t);
    makeAgsh(join(base, path), { shape: "0.1.0", sessions: [{ id: uuid(1) }] });
    const absolute = Object.fromEntries(Object.entries(env).map(([name, value]) => [name, join(base, value)]));
    const ran = await runHere(inspect, ["homes"], { env: { HOME: base, ...absolute }, platform });
    assert.deepEqual(
      ran.records.map(({ runtime, home }) => [runtime, home]),
      [["agsh", join(base, path)]],
    );
  });
}

for (const [table, columns] of [
  ["sessions", ["id", "created_at", "updated_at", "locked_by", "metadata"]],
  ["messages", ["id", "session_id", "role", "content", "created_at"]],
] as const) {
  seed(`Database schema: ${table} has ${columns.join(", ")}`, async ({ home, file }, t) => {
    const described = (await ok(inspect, home, "table")).map(
      ({ values }) => values as { name: string; columns: string[]; rows: number },
    );
    const found = described.find(({ name }) => name === table)!;
    assert.deepEqual(found.columns, columns);
    const rows = await ok(inspect, home, "table", table);
    assert.equal(rows.length, found.rows);
    const values = rows.map((row) => row["values"] as Record<string, unknown>);
    assert.deepEqual(
      values.map((row) => ({ ...row })),
      sql(t, file, `SELECT * FROM ${table}`).map((row) => ({ ...row })),
    );
  });
}

seed(
  "sqlite3 … SELECT id, created_at, updated_at FROM sessions ORDER BY updated_at DESC",
  async ({ home, file }, t) => {
    const listed = await ok(inspect, home, "sessions", "--sort=-updated", "--fields", "id,created_at,updated_at");
    const rows = sql(t, file, "SELECT id, created_at, updated_at FROM sessions ORDER BY updated_at DESC");
    const utc = (text: unknown): string => String(text).replace("+00:00", "Z");
    assert.deepEqual(
      listed,
      rows.map((row) => ({ id: row["id"], created_at: utc(row["created_at"]), updated_at: utc(row["updated_at"]) })),
    );
  },
);

seed(
  "sqlite3 … DELETE FROM messages WHERE session_id = …; DELETE FROM sessions WHERE id = …",
  async ({ home, file }, t) => {
    const id = "7d5c8dfc-5eda-42d8-a4ac-5db9d707107e";
    const others = sql(t, file, `SELECT count(*) AS n FROM messages WHERE session_id <> '${id}'`);
    await ok(vacuum, home, "sessions", id, "--apply");
    assert.deepEqual(sql(t, file, `SELECT * FROM sessions WHERE id = '${id}'`), []);
    assert.deepEqual(sql(t, file, `SELECT * FROM messages WHERE session_id = '${id}'`), []);
    assert.deepEqual(sql(t, file, "SELECT count(*) AS n FROM messages"), others);
    await ok(vacuum, home, "trash", "restore", id);
    assert.equal((await ok(inspect, home, "events", id)).length, 4);
  },
);

test("docs/agsh.md: every command line in it is one that our commands take", async (t) => {
  const text = readFileSync(join(import.meta.dirname, "../../docs/agsh.md"), "utf8");
  const block = /```sh\n([^]*?)```/.exec(text)![1]!;
  const { home } = madeAgsh(t, { shape: "0.1.0", sessions: [{ id: uuid(1) }] });
  const env = { AGSH_DATA_DIR: home, HOME: "/nowhere" };
  const tools: { readonly [name: string]: Tool } = {
    "agh-inspect": inspect,
    "agh-reconcile": reconcile,
    "agh-vacuum": vacuum,
  };
  const lines = block
    .split("\n")
    .flatMap((line) => line.split(" | ").slice(0, 1))
    .filter((line) => line !== "");
  const known = lines.filter((line) => tools[line.split(" ")[0]!]);
  assert.equal(known.length, 4);
  for (const line of known) {
    const [name, ...argv] = line.split(" ");
    const ran = await runHere(tools[name!]!, argv, { env });
    assert.equal(ran.code, 0, `${line}: ${ran.stderr}`);
  }
});
