// Tables: values as SQLite has them, secrets masked, names only from the database itself.
import assert from "node:assert/strict";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test, type TestContext } from "node:test";
import { tool } from "../../bin/agh-inspect.ts";
import { madeHome, realHome } from "../support/homes.ts";
import { runHere, type Ran } from "../support/memory.ts";

function unusual(t: TestContext): (...argv: string[]) => Promise<Ran> {
  const { home } = madeHome(t, { sessions: 1, events: 20, ledgers: false });
  const db = new DatabaseSync(path.join(home, "agh.db"));
  db.exec(`CREATE TABLE "odd ""name" (a INTEGER, b BLOB, rowid TEXT);
    INSERT INTO "odd ""name" VALUES (9007199254740993, x'00ff', 'mine'), (1, NULL, 'second');
    CREATE TABLE keyed (k TEXT, n INTEGER, PRIMARY KEY (k, n)) WITHOUT ROWID;
    INSERT INTO keyed VALUES ('b', 1), ('a', 2);
    CREATE VIEW peek AS SELECT * FROM vault_secrets`);
  db.close();
  return (...argv) => runHere(tool, ["table", ...argv, "--home", home]);
}

test("integers beyond 2^53 are strings, blobs base64; a column named rowid hides no row's id", async (t) => {
  const { records } = await unusual(t)('odd "name');
  assert.deepEqual(
    records.map(({ id, values }) => [id, values]),
    [
      ['odd "name/1', { a: "9007199254740993", b: { $base64: "AP8=" }, rowid: "mine" }],
      ['odd "name/2', { a: 1, b: null, rowid: "second" }],
    ],
  );
});

test("rows come by key or by the column that was asked for", async (t) => {
  const table = unusual(t);
  const ids = async (...argv: string[]) => (await table("keyed", ...argv)).records.map(({ id }) => id);
  assert.deepEqual(await ids(), ["keyed/a/2", "keyed/b/1"]);
  assert.deepEqual(await ids("--order=-n", "--limit", "1"), ["keyed/a/2"]);
  assert.deepEqual(await ids("--order", "n"), ["keyed/b/1", "keyed/a/2"]);
});

test("an unknown table or column and a view are refused with a hint; without a name tables are listed", async (t) => {
  const table = unusual(t);
  for (const argv of [["sesions"], ["peek"], ["sqlite_schema"], ["keyed", "--order", "k; drop table keyed"]]) {
    const ran = await table(...argv);
    assert.deepEqual([ran.code, ran.stdout], [2, ""], argv.join(" "));
    assert.match(ran.stderr, /try: /);
  }
  assert.match((await table("sesions")).stderr, /did you mean sessions/);
  const names = (await table()).records.map(({ values }) => (values as { name: string }).name);
  assert.ok(names.includes("keyed") && names.includes("sessions") && !names.includes("peek"));
});

test("a secret is masked where it is, and shown to be empty where it is not", async (t) => {
  const real = realHome(t, "agh-clean");
  if (!real) return;
  const { records } = await runHere(tool, ["table", "vault_secrets", "--home", real.home]);
  assert.deepEqual(
    records.map(({ values }) => (values as { encrypted_value: string }).encrypted_value),
    ["********", "********"],
  );
});
