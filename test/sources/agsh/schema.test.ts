// Every shape of the database, known by its tables: read where that is safe, else refused by name.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { test } from "node:test";
import { DatabaseSync } from "node:sqlite";
import { tool } from "../../../bin/agh-inspect.ts";
import { tool as reconcile } from "../../../bin/agh-reconcile.ts";
import { tool as vacuum } from "../../../bin/agh-vacuum.ts";
import { runHere } from "../../support/memory.ts";
import { assertUntouched, treeState } from "../../support/tree.ts";
import { CANARY, call, madeAgsh, result, SHAPES, text, user, uuid, type Shape } from "./make-databases.ts";

const SESSIONS = [
  { id: uuid(1), messages: [user("how far"), call("t"), result("t", "ten"), text("ten miles")] },
  { id: uuid(2), lockedBy: "4242", messages: [user("wait")] },
];

for (const shape of Object.keys(SHAPES) as Shape[]) {
  test(`${shape}: recognised, and read without a login on any output`, async (t) => {
    const name = Number(shape.split(".")[1]) >= 27 ? "meka.db" : "sessions.db";
    const { home } = madeAgsh(t, { shape, name, sessions: SESSIONS });
    const before = treeState(home);
    const [overview] = (await runHere(tool, ["overview", "--home", home])).records;
    assert.equal(overview!["version"], shape);
    const { records } = await runHere(tool, ["sessions", "--home", home]);
    const hasLocks = Number(shape.split(".")[1]) < 12;
    assert.deepEqual(
      records.map(({ effective }) => effective),
      hasLocks ? ["stopped", "dead"] : ["unknown", "unknown"],
    );
    assert.equal(records[0]!["resume"], `${name === "meka.db" ? "meka" : "agsh"} -s ${uuid(1)}`);
    assert.equal(overview!["alive"], hasLocks ? false : null);
    const types = (await runHere(tool, ["events", uuid(1), "--home", home])).records.map(({ type }) => type);
    assert.deepEqual(types, ["user", "tool_use", "tool_result", "assistant"]);
    for (const argv of [["table"], ["paths"], ["events", "--all"], ["search", "miles"], ["show", uuid(1)]]) {
      const ran = await runHere(tool, [...argv, "--home", home]);
      assert.equal(ran.code, 0, ran.stderr);
      assert.doesNotMatch(ran.stdout + ran.stderr, CANARY);
    }
    const { records: tables } = await runHere(tool, ["table", "--home", home]);
    for (const { values } of tables) {
      for (const format of ["json", "table", "csv"]) {
        const name = String((values as { name: string }).name);
        const ran = await runHere(tool, ["table", name, "--home", home, "--format", format]);
        assert.equal(ran.code, 0, ran.stderr);
        assert.doesNotMatch(ran.stdout + ran.stderr, CANARY, name);
      }
    }
    assertUntouched(before, treeState(home));
  });

  test(`${shape}: changed only where locks and rows are those that are known`, async (t) => {
    const { home } = madeAgsh(t, { shape, sessions: SESSIONS });
    const isKnown = Number(shape.split(".")[1]) < 12;
    const ran = await runHere(reconcile, ["plan", "--home", home]);
    assert.equal(ran.records.filter(({ kind }) => kind === "action").length, isKnown ? 1 : 0);
    const removal = await runHere(vacuum, ["sessions", uuid(1), "--home", home, "--apply"]);
    assert.equal(removal.code, isKnown ? 0 : 3, removal.stderr);
    const left = (await runHere(tool, ["sessions", "--home", home])).records.length;
    assert.equal(left, isKnown ? 1 : 2);
  });
}

test("meka's count of migrations is told with its version", async (t) => {
  const { home } = madeAgsh(t, {
    shape: "0.42.0",
    name: "meka.db",
    sessions: SESSIONS,
    sql: "PRAGMA user_version = 9",
  });
  assert.equal((await runHere(tool, ["overview", "--home", home])).records[0]!["version"], "0.42.0 (9 migrations)");
});

test("a newer meka whose messages are no longer what they were is refused, naming its version", async (t) => {
  const sql = "ALTER TABLE messages RENAME COLUMN content TO body; PRAGMA user_version = 77";
  const { home } = madeAgsh(t, { shape: "0.42.0", name: "meka.db", sessions: SESSIONS, sql });
  for (const verb of ["sessions", "events --all", "table", "usage", "search x"]) {
    const ran = await runHere(tool, [...verb.split(" "), "--home", home]);
    assert.equal(ran.code, 6, verb);
    assert.equal(ran.stdout, "");
    assert.match(ran.stderr, /meka\.db has a schema of meka that agh-toolkit does not support \(version 77\)/);
    assert.match(ran.stderr, /^ {2}try: /m);
  }
  const checked = await runHere(reconcile, ["check", "--home", home]);
  assert.deepEqual([checked.code, checked.records[0]!["code"]], [1, "DATABASE_UNREADABLE"]);
});

test("a database of that name that is somebody else's, empty or no database", async (t) => {
  const { home, file } = madeAgsh(t);
  writeFileSync(file, "");
  const empty = await runHere(tool, ["sessions", "--home", home]);
  assert.equal(empty.code, 6);
  assert.match(empty.stderr, /is empty \(0 bytes\)/);
  writeFileSync(file, "not a database at all, whatever its name may say");
  assert.match((await runHere(tool, ["sessions", "--home", home])).stderr, /is not an SQLite database/);
  writeFileSync(file, "");
  const db = new DatabaseSync(file);
  db.exec("CREATE TABLE visits (id INTEGER)");
  db.close();
  const foreign = await runHere(tool, ["sessions", "--home", home]);
  assert.equal(foreign.code, 6);
  assert.match(foreign.stderr, /is not a home of/);
  const named = await runHere(tool, ["sessions", "--home", home, "--runtime", "agsh"]);
  assert.equal(named.code, 6);
});

test("a view, or a table without the columns, passes for none of agsh's", async (t) => {
  const { home } = madeAgsh(t, {
    sql: "DROP TABLE messages; CREATE VIEW messages AS SELECT 1 AS id, '' AS session_id, '' AS role, '' AS content, '' AS created_at",
  });
  const ran = await runHere(tool, ["sessions", "--home", home]);
  assert.equal(ran.code, 6);
  assert.match(ran.stderr, /does not have the tables sessions and messages of agsh/);
});
