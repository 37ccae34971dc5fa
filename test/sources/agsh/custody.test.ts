// What is agsh's own in its custody: locks, numbers of messages, tables of other versions, and rows put back as they were.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test, type TestContext } from "node:test";
import type { RowChange } from "../../../lib/journal/steps.ts";
import type { Deps } from "../../../lib/records/deps.ts";
import { agsh } from "../../../lib/sources/agsh/agsh.ts";
import type { LocalSession } from "../../../lib/sources/custody.ts";
import { deps, homeOf } from "../../contract/custody-world.ts";
import { tempDir } from "../../support/temp.ts";
import { madeAgsh, text, user, uuid, type Shape } from "./make-databases.ts";

const [A, B] = [uuid(1), uuid(2)];

async function opened(t: TestContext, shape: Shape = "0.8.0", more: Partial<Deps> = {}) {
  const sessions = [A, B].map((id) => ({ id, messages: [user("ask"), text("answer")] }));
  const { home: root, file } = madeAgsh(t, { shape, sessions });
  const home = homeOf(agsh, root);
  const custody = await agsh.custody!();
  const of = await custody.open(home, { ...deps, ...more });
  const locals: LocalSession[] = [];
  for await (const session of agsh.sessions(home, {}, deps)) locals.push(of.inspect(session)!);
  return { file, of, locals, executor: custody.rowExecutor(home, { ...deps, ...more }) };
}

function sql(file: string, statement: string): Record<string, unknown>[] {
  const db = new DatabaseSync(file, { enableForeignKeyConstraints: false });
  try {
    return db.prepare(statement).all();
  } finally {
    db.close();
  }
}

function stagedLines(t: TestContext, lines: string): string {
  const file = path.join(tempDir(t), "rows.jsonl");
  fs.writeFileSync(file, lines);
  return file;
}

test("a session that a process holds is not removed, one whose process is dead is", async (t) => {
  const { file, executor, locals } = await opened(t, "0.8.0", { isAlive: (pid) => pid === 42 });
  assert.ok(locals.every(({ fingerprint }) => fingerprint.length === 32));
  sql(file, `UPDATE sessions SET locked_by = CASE id WHEN '${A}' THEN '42' ELSE '43' END`);
  const kept: string[] = [];
  const done = executor.remove!(locals, (ids, lines) => void kept.push(...ids, ...lines));
  assert.deepEqual([done.removed, [...done.reasons]], [[B], [[A, "process 42 holds it, or may hold it"]]]);
  assert.equal(kept[0], B);
  assert.equal(kept.filter((line) => line.includes('"row":')).length, 3);
  assert.deepEqual(
    sql(file, "SELECT id FROM sessions").map(({ id }) => id),
    [A],
  );
});

test("what has changed since it was seen stays, and nothing is kept of it", async (t) => {
  const { file, executor, locals } = await opened(t);
  const seen = locals.map(({ id, fingerprint }) => ({ id, fingerprint }));
  sql(file, "DELETE FROM messages WHERE id IN (1, 3)");
  const done = executor.remove!([...seen, { id: uuid(9), fingerprint: "" }], () => assert.fail("kept"));
  assert.deepEqual(
    [...done.reasons.values()],
    ["it has changed since the plan", "it has changed since the plan", "it does not exist any more"],
  );
});

test("a message whose number was given to another comes at the end, in its order", async (t) => {
  const { file, of, executor, locals } = await opened(t);
  const { lines } = of.rows([A]).of.get(A)!;
  executor.remove!(locals.slice(0, 1), undefined);
  sql(file, `UPDATE messages SET id = 1 WHERE session_id = '${B}' AND role = 'user'`);
  const staged = stagedLines(t, lines);
  assert.deepEqual({ ...executor.insert([staged], true), back: [] }, { inserted: 3, renumbered: 2, back: [] });
  const messages = sql(file, `SELECT role FROM messages WHERE session_id = '${A}' ORDER BY id`);
  assert.deepEqual(
    messages.map(({ role }) => role),
    ["user", "assistant"],
  );
  const { schema, of: rows } = of.rows([A]);
  assert.notEqual(rows.get(A)!.lines, lines);
  const { decodeRows } = await import("../../../lib/formats/archive/rows.ts");
  const parts = {
    id: A,
    runtime: "agsh",
    homeId: undefined,
    partition: null,
    files: [],
    schema,
    rows: async () => decodeRows(Buffer.from(lines)),
    withFile: () => Promise.reject(new Error("no file")),
    database: () => Promise.reject(new Error("no database")),
  };
  assert.deepEqual(await of.compareRows([parts]), [{ state: "present" }], "it is the same session");
});

test("rows of a table that the home lacks are refused, and a later version's database is not written to", async (t) => {
  const later = await opened(t, "0.8.0");
  const { lines } = later.of.rows([A]).of.get(A)!;
  const other = lines.replaceAll(A, uuid(7)) + `{"table":"tool_outputs","row":{"session_id":"${uuid(7)}"}}\n`;
  const earlier = await opened(t, "0.5.0");
  assert.throws(() => earlier.executor.insert([stagedLines(t, other)], false), { code: "E_SCHEMA_DIFFERS", exit: 4 });
  const newest = await opened(t, "0.24.0");
  assert.throws(() => newest.executor.insert([stagedLines(t, lines)], false), { code: "E_LATER_SCHEMA", exit: 4 });
});

test("rows are put back as they were, once, and never over what somebody else has written", async (t) => {
  const { file, executor } = await opened(t);
  const [from] = sql(file, `SELECT * FROM sessions WHERE id = '${A}'`) as RowChange["from"][];
  const to = { ...from, locked_by: "42" };
  sql(file, `UPDATE sessions SET locked_by = '42' WHERE id = '${A}'`);
  const changes: RowChange[] = [{ table: "sessions", from: from!, to }];
  executor.revert!(changes, { dry: true });
  assert.equal(sql(file, `SELECT locked_by FROM sessions WHERE id = '${A}'`)[0]!["locked_by"], "42");
  for (const _ of [1, 2]) executor.revert!(changes, { dry: false });
  assert.equal(sql(file, `SELECT locked_by FROM sessions WHERE id = '${A}'`)[0]!["locked_by"], null);
  sql(file, `UPDATE sessions SET updated_at = 'later' WHERE id = '${A}'`);
  assert.throws(() => executor.revert!(changes, { dry: true }), { code: "E_DRIFTED", exit: 4 });
});
