// What is AGDD's own in its custody: children that stay, parents that come first, an index that is sound.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { test, type TestContext } from "node:test";
import { agdd } from "../../../lib/sources/agdd/agdd.ts";
import type { LocalSession } from "../../../lib/sources/custody.ts";
import { deps, homeOf } from "../../contract/custody-world.ts";
import { count, indexFault, inStorage, madeProject, putRuns } from "../../support/agdd.ts";
import { tempDir } from "../../support/temp.ts";

const AT = "2026-10-01T00:00:00+00:00";
const FAMILY = ["mag-1parent00", "sag-2child000", "sag-3grand000"] as const;

async function family(t: TestContext) {
  const { root, storage } = madeProject(t);
  putRuns(root, [
    { id: FAMILY[0], started: AT, events: [AT] },
    { id: FAMILY[1], parent: FAMILY[0], started: AT, events: [AT], msg: "quicksilver" },
    { id: FAMILY[2], parent: FAMILY[1], started: AT },
  ]);
  const home = homeOf(agdd, root);
  const custody = await agdd.custody!();
  const of = await custody.open(home, deps);
  const locals: LocalSession[] = [];
  for await (const session of agdd.sessions(home, { ids: [...FAMILY] }, deps)) locals.push({ ...of.inspect(session)! });
  return { root, storage, of, locals, executor: custody.rowExecutor(home, deps) };
}

const found = (root: string, word: string): number =>
  count(root, "SELECT count(*) FROM events_fts WHERE events_fts MATCH ?", word);

test("a parent stays where a child of it stays, changed or not named", async (t) => {
  const { root, executor, locals } = await family(t);
  inStorage(root, (db) => db.exec(`UPDATE runs SET ended_at = '${AT}' WHERE run_id = '${FAMILY[2]}'`));
  const changed = executor.remove!(locals, undefined);
  assert.deepEqual(
    [changed.removed, [...changed.reasons]],
    [
      [],
      [
        [FAMILY[0], `its child ${FAMILY[2]} stays`],
        [FAMILY[1], `its child ${FAMILY[2]} stays`],
        [FAMILY[2], "it has changed since the plan"],
      ],
    ],
  );
  const alone = executor.remove!(locals.slice(0, 1), undefined);
  assert.deepEqual([...alone.reasons], [[FAMILY[0], `its child ${FAMILY[1]} stays`]]);
});

test("a family goes and comes back in any order of files, and the index finds its words again", async (t) => {
  const { root, of, executor, locals } = await family(t);
  const files = [...FAMILY].toReversed().map((id) => {
    const file = path.join(tempDir(t), `${id}.jsonl`);
    fs.writeFileSync(file, of.rows([id]).of.get(id)!.lines);
    return file;
  });
  const kept: string[] = [];
  assert.deepEqual([...executor.remove!(locals, (ids) => void kept.push(...ids)).removed], [...FAMILY]);
  assert.deepEqual([kept, found(root, "quicksilver"), indexFault(root)], [[...FAMILY], 0, null]);
  assert.equal(executor.insert(files, true).inserted, 5);
  assert.equal(executor.insert(files, true).inserted, 0);
  assert.deepEqual([found(root, "quicksilver"), indexFault(root)], [1, null]);
  assert.deepEqual(
    inStorage(root, (db) => db.prepare("SELECT run_id, parent_run_id FROM runs ORDER BY run_id").all()).map((row) =>
      Object.values(row),
    ),
    [
      [FAMILY[0], null],
      [FAMILY[1], FAMILY[0]],
      [FAMILY[2], FAMILY[1]],
    ],
  );
});

test("a missing parent, a table of another kind and a missing database are refused, and nothing is changed", async (t) => {
  const { root, storage, of, executor, locals } = await family(t);
  const { lines } = of.rows([FAMILY[1]]).of.get(FAMILY[1])!;
  const [file, strange] = ["a", "b"].map((name) => path.join(tempDir(t), name)) as [string, string];
  fs.writeFileSync(file, lines);
  fs.writeFileSync(strange, `${lines}{"table":"secrets","columns":["run_id"]}\n`);
  executor.remove!(locals, undefined);
  assert.throws(() => executor.insert([file], true), { code: "E_CONSTRAINT", exit: 4 });
  assert.throws(() => executor.insert([strange], true), { code: "E_SCHEMA_DIFFERS", exit: 4 });
  assert.equal(count(root, "SELECT count(*) FROM runs"), 0);
  fs.rmSync(storage);
  assert.throws(() => executor.insert([file], true), { code: "E_NO_DATABASE", exit: 6 });
  assert.equal(fs.existsSync(storage), false);
});
