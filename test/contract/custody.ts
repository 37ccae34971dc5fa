// What every runtime's custody must do: take sessions apart and put them together, and touch nothing by looking.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { test, type TestContext } from "node:test";
import { decodeRows, encodeRows } from "../../lib/formats/archive/rows.ts";
import type { RowExecutor } from "../../lib/journal/journal-home.ts";
import type { LocalSession, SessionParts } from "../../lib/sources/custody.ts";
import { movablePaths } from "../../lib/sources/own-trees.ts";
import type { Source } from "../../lib/sources/source.ts";
import { tempDir } from "../support/temp.ts";
import { assertUntouched, treeState } from "../support/tree.ts";
import {
  change,
  copyTree,
  deps,
  differences,
  hasRows,
  inDatabase,
  installation,
  openWorld,
  removal,
  stageAll,
  states,
  type CustodyHome,
  type World,
} from "./custody-world.ts";

/** `make` gives a home of its own for each test; undefined where there is none, which it has said. */
export function custodyContract(source: Source, name: string, make: (t: TestContext) => CustodyHome | undefined): void {
  for (const [what, body] of Object.entries(CHECKS)) {
    test(`${name}: ${what}`, async (t) => {
      const made = make(t);
      if (made) await body(await openWorld(source, made), t);
    });
  }
}

const everywhere = (state: string, { length }: readonly unknown[]): string[] => Array.from({ length }, () => state);

const executorOf = ({ custody, home }: World): RowExecutor => custody.rowExecutor(home, deps);

const inspectAgain = async ({ custody, home }: World, { session }: LocalSession): Promise<LocalSession | undefined> =>
  (await custody.open(home, deps)).inspect(session);

const CHECKS: { readonly [what: string]: (world: World, t: TestContext) => Promise<void> } = {
  "looking at it touches nothing": looksOnly,
  "what is listed is what lies there, and is counted as it lies": listsWhatIsThere,
  "events among the parts are those of the home": readsEvents,
  "rows are lines, and lines are rows again": codesRows,
  "removed and installed through a journal, everything is as it was": goesRound,
  "rows that are there are not inserted again, and removed ones not removed again": repeats,
  "rows of another session, and rows that are others now, are conflicts": tellsConflicts,
  "the fingerprint changes with every table, row and file that goes, and with nothing else": knowsChanges,
  "a home of the parts alone reads like the home": extracts,
  "no id leads out of the home": staysInside,
};

async function looksOnly(world: World, t: TestContext): Promise<void> {
  const before = treeState(world.base);
  const { parts } = stageAll(world, t);
  for (const local of world.locals) {
    assert.ok(local.fingerprint.length > 0);
    await world.opened.events(local);
  }
  assert.deepEqual(await states(world, parts), everywhere("present", parts));
  assert.deepEqual(await states(world, parts, true), everywhere("present", parts));
  assertUntouched(before, treeState(world.base));
}

async function listsWhatIsThere({ locals, opened, root, base }: World): Promise<void> {
  const { of } = opened.rows(locals.map(({ id }) => id));
  for (const local of locals) {
    const names = local.paths.map(({ path: name }) => name);
    assert.equal(new Set(names).size, names.length);
    for (const { path: name, from, found } of local.paths) {
      const tree = local.trees.find(({ part }) => name === part || name.startsWith(`${part}/`))!;
      assert.equal(from, tree.dir + name.slice(tree.part.length));
      assert.ok(from.startsWith(`${root}/`) || from.startsWith(`${base}/`));
      assert.equal(fs.lstatSync(from).isDirectory(), found.type === "directory");
    }
    assert.deepEqual(local.unexpected, []);
    if (!hasRows(local)) continue;
    const counts = Object.entries(of.get(local.id)!.counts).filter(([, count]) => count > 0);
    const own = Object.entries(local.rows).filter(([, count]) => count > 0);
    assert.deepEqual(own.toSorted(), counts.toSorted());
    assert.ok(local.bytes >= 0);
  }
}

async function readsEvents(world: World, t: TestContext): Promise<void> {
  const { parts } = stageAll(world, t);
  let counted = 0;
  for (const [at, local] of world.locals.entries()) {
    const found = await world.opened.events(local);
    assert.deepEqual(await world.custody.events(parts[at]!), found);
    counted += found.events?.count ?? 0;
  }
  assert.ok(counted > 0);
}

async function codesRows({ opened, custody, locals }: World): Promise<void> {
  const { of, schema } = opened.rows(locals.map(({ id }) => id));
  assert.match(schema.sha256, /^[0-9a-f]{64}$/);
  for (const { lines, counts } of of.values()) {
    const rows = decodeRows(Buffer.from(lines));
    const counted = rows.rows.filter(({ table }) => table in counts);
    assert.equal(
      counted.length,
      Object.values(counts).reduce((sum, count) => sum + count, 0),
    );
    assert.deepEqual(decodeRows(Buffer.from(encodeRows(rows))), rows);
    const unlocked = custody.withoutLocks?.(rows) ?? rows;
    assert.equal(unlocked.rows.length, rows.rows.length);
    assert.ok(unlocked.rows.every(({ values }) => (values["locked_by"] ?? null) === null));
  }
  const all = [...of].map(([id, { lines }]) => [id, decodeRows(Buffer.from(lines))] as const);
  const apart = custody.bySession?.({ ...all[0]![1], rows: all.flatMap(([, { rows }]) => rows) });
  if (apart) for (const [id, { rows }] of all) assert.deepEqual(apart.get(id)?.rows ?? [], rows);
}

async function goesRound(world: World, t: TestContext): Promise<void> {
  const before = path.join(tempDir(t, "before"), "home");
  copyTree(world.root, before);
  const { dirs, parts } = stageAll(world, t);
  const done = await change(world, (run) => removal(run, world.locals));
  assert.deepEqual(done.dropped, []);
  assert.deepEqual(
    [...done.removed].toSorted(),
    world.locals
      .filter(hasRows)
      .map(({ id }) => id)
      .toSorted(),
  );
  for (const local of world.locals) {
    const left = await inspectAgain(world, local);
    assert.deepEqual(left ? movablePaths(left) : [], []);
  }
  const removed = await states(world, parts, true);
  assert.deepEqual(
    removed,
    world.locals.map((local) => (hasRows(local) ? "missing" : "present")),
  );
  assert.deepEqual((await change(world, (run) => installation(run, dirs))).dropped, []);
  assert.deepEqual(differences(world, before), []);
  assert.deepEqual(await states(world, parts, true), everywhere("present", parts));
}

/** Takes the rows out of the database, whoever does it. */
function removeRows(world: World): void {
  const { locals, forget } = world;
  if (forget)
    return inDatabase(world, (db) =>
      forget(
        db,
        locals.map(({ id }) => id),
      ),
    );
  executorOf(world).remove!(locals.filter(hasRows), undefined);
}

async function repeats(world: World, t: TestContext): Promise<void> {
  const before = path.join(tempDir(t, "before"), "home");
  copyTree(world.root, before);
  const { dirs, parts } = stageAll(world, t);
  const files = [...dirs.values()].map((dir) => path.join(dir, "rows.jsonl"));
  const executor = executorOf(world);
  assert.deepEqual(executor.insert(files, true), { ...executor.insert(files, true), inserted: 0, renumbered: 0 });
  if (!parts.some((_, at) => hasRows(world.locals[at]!)) && !world.forget) return;
  removeRows(world);
  const withRows = parts.filter((_, at) => fs.readFileSync(files[at]!, "utf8").includes('"row":'));
  assert.deepEqual(await states(world, withRows), everywhere("missing", withRows));
  const seen = world.locals.filter(hasRows);
  const again = executor.remove?.(seen, () => assert.fail("nothing is kept of what is not there"));
  if (again) {
    assert.deepEqual(again.removed, []);
    assert.deepEqual([...again.reasons.keys()].toSorted(), seen.map(({ id }) => id).toSorted());
  }
  assert.ok(executor.insert(files, true).inserted > 0);
  assert.equal(executor.insert(files, true).inserted, 0);
  assert.deepEqual(differences(world, before), []);
}

async function tellsConflicts(world: World, t: TestContext): Promise<void> {
  const { parts } = stageAll(world, t);
  if (!world.locals.some(({ session }) => session.has.row)) return;
  const [a, b] = parts.filter((_, at) => world.locals[at]!.session.has.row);
  const swapped: SessionParts = { ...a!, rows: b!.rows };
  assert.deepEqual(await states(world, [a!, swapped], true), ["present", "E_HOSTILE_ROWS"]);
  const none: SessionParts = { ...a!, rows: async () => ({ columns: new Map(), rows: [] }) };
  assert.deepEqual(await states(world, [none], true), ["present"]);
  const local = world.locals.find(({ id }) => id === b!.id)!;
  if (!hasRows(local)) return;
  const { columns, rows } = await b!.rows();
  const other: SessionParts = { ...b!, rows: async () => ({ columns, rows: rows.slice(0, -1) }) };
  assert.deepEqual(await states(world, [a!, other]), ["present", "E_EXISTS"]);
}

async function knowsChanges(world: World): Promise<void> {
  const seen = new Map<string, string>();
  for (const local of world.locals.slice(0, 5)) {
    let last = local.fingerprint;
    for (const { what, counts, make } of changesOf(world, local)) {
      make();
      const { fingerprint } = (await inspectAgain(world, local))!;
      assert.equal(fingerprint !== last, counts, `${local.id}: ${what}`);
      if (counts) assert.equal(seen.get(fingerprint), undefined, what);
      seen.set((last = fingerprint), what);
    }
  }
}

interface Change {
  readonly what: string;
  readonly counts: boolean;
  readonly make: () => void;
}

function changesOf(world: World, local: LocalSession): Change[] {
  const movable = new Set(movablePaths(local));
  const files = local.paths.filter(({ found }) => found.type === "file");
  const touched = files.map((one): Change => {
    const touch = (): void => fs.utimesSync(one.from, 1_700_000_000, 1_700_000_000);
    return { what: one.path, counts: movable.has(one), make: touch };
  });
  const trees = local.trees.filter(({ only }) => !only);
  const added = trees.map(({ part, dir, stays }): Change => {
    const add = (): void => fs.writeFileSync(path.join(dir, "new"), "");
    return { what: `a new file in ${part}`, counts: !stays, make: add };
  });
  return [...touched, ...added, ...(hasRows(local) ? rowChanges(world, local) : [])];
}

const OWN: readonly NonNullable<CustodyHome["own"]>[] = [
  { table: "sessions", key: "id", time: "updated_at", foreignKey: "session_id" },
  { table: "runs", key: "run_id", time: "started_at", foreignKey: "run_id" },
];

/** A row of each table less, and the session's own row with another time. */
function rowChanges(world: World, { id, rows }: LocalSession): Change[] {
  const { own = OWN.find(({ table }) => table in rows)! } = world;
  const tables = Object.keys(rows).filter((table) => rows[table]! > 0);
  return tables.map((table) => {
    const isOwn = table === own.table;
    const key = isOwn ? own.key : own.foreignKey;
    const { time } = own;
    const statement = isOwn
      ? `UPDATE ${table} SET ${time} = '2026-01-01T00:00:00+00:00' WHERE ${key} = ?`
      : `DELETE FROM ${table} WHERE rowid = (SELECT max(rowid) FROM ${table} WHERE ${key} = ?)`;
    const make = (): void => inDatabase(world, (db) => void db.prepare(statement).run(id));
    return { what: table, counts: true, make };
  });
}

async function extracts(world: World, t: TestContext): Promise<void> {
  const { dirs, parts } = stageAll(world, t);
  const root = path.join(tempDir(t, "extracted"), "home");
  world.custody.extractRows(root, await Promise.all(parts.map((one) => one.rows())));
  const home = { ...world.home, root, live: false };
  const opened = await world.custody.open(home, deps);
  for (const [{ id, partition, paths }, from] of dirs) {
    for (const { part, dir } of opened.trees(id, partition)) {
      if (paths.some((one) => one.path.startsWith(part))) fs.cpSync(path.join(from, part), dir, { recursive: true });
    }
  }
  const found: string[] = [];
  for await (const session of world.source.sessions(home, {}, deps)) found.push(session.id);
  assert.deepEqual(
    found,
    world.locals.map(({ id }) => id),
  );
  for (const local of world.locals) {
    const events = async (of: typeof home): Promise<number> => {
      let bytes = 0;
      for await (const one of world.source.events(of, local.id, {}, deps))
        bytes += "bytes" in one ? (one.bytes as Uint8Array).length : 1;
      return bytes;
    };
    assert.equal(await events(home), await events(world.home));
  }
}

async function staysInside({ opened, root }: World): Promise<void> {
  for (const id of ["../../evil", "a/b", ".", "..", "", "x".repeat(300), "a\0b"]) {
    for (const [of, partition] of [
      [id, null],
      ["some-id", id],
    ] as const) {
      try {
        for (const { dir } of opened.trees(of, partition))
          assert.equal(path.resolve(dir).startsWith(`${root}/`), true, dir);
      } catch (error) {
        assert.equal((error as { code?: string }).code, "E_HOSTILE_ARCHIVE", String(error));
      }
    }
  }
}
