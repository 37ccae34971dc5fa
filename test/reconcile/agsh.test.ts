// agsh homes through agh-reconcile: every finding, what mends it, and the way back.
import assert from "node:assert/strict";
import { chmodSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { tool } from "../../bin/agh-reconcile.ts";
import { encodeSealed } from "../../lib/formats/sealed-json.ts";
import { COMMON_RULES } from "../../lib/sources/deep-checks.ts";
import { loadRepairers, loadRules } from "../../lib/reconcile/rules.ts";
import { RULES as AGSH } from "../../lib/sources/agsh/checks/rules.ts";
import { runHere, type Ran } from "../support/memory.ts";
import { realHome } from "../support/homes.ts";
import { run } from "../support/run.ts";
import { dumpDatabase } from "../support/sqlite-dump.ts";
import { tempDir } from "../support/temp.ts";
import { assertUntouched, treeState } from "../support/tree.ts";
import {
  call,
  madeAgsh,
  makeAgsh,
  result,
  text,
  user,
  uuid,
  type MadeSession,
} from "../sources/agsh/make-databases.ts";

const alive = (pid: number): boolean => pid === 4242;
const reconcile = (...argv: readonly string[]): Promise<Ran> => runHere(tool, argv, { isAlive: alive });

const runOf = ({ records }: Ran): string => String(records.at(-1)!["run"]);

const findings = async (home: string, ...argv: string[]): Promise<[unknown, unknown][]> =>
  (await reconcile("check", "--home", home, ...argv)).records
    .filter(({ kind }) => kind === "finding")
    .map(({ code, id }) => [code, id]);

const DAMAGED: readonly MadeSession[] = [
  { id: uuid(1), lockedBy: "99", messages: [user("a"), call("t")] },
  { id: uuid(2), lockedBy: "4242", messages: [user("b"), call("t")] },
  { id: uuid(3), lockedBy: "host-a", messages: [user("c"), text("d")] },
  { id: uuid(4), lockedBy: "", messages: [user("c")] },
  { id: uuid(5), lockedBy: "4294967295", messages: [user("c")] },
  { id: uuid(6) },
  { id: uuid(7), lockedBy: "4242" },
  { id: uuid(8), row: false, messages: [user("lost"), text("and found")] },
  {
    id: uuid(9),
    messages: [user("e"), call("x"), { role: "tool_results", content: "" }, { role: "system", content: "f" }],
  },
  { id: uuid(10), updatedAt: "2026-04-01T02:00:00+02:00", messages: [user("g")] },
];

test("every code is found by what it is about", async (t) => {
  const { home, file } = madeAgsh(t, { shape: "0.8.0", sessions: DAMAGED });
  chmodSync(file, 0o644);
  const before = treeState(home);
  assert.deepEqual(await findings(home, "--level", "deep"), [
    ["LOCK_DEAD", uuid(1)],
    ["LOCK_NO_PID", uuid(3)],
    ["LOCK_NO_PID", uuid(4)],
    ["LOCK_UNKNOWN", uuid(5)],
    ["SESSION_EMPTY", uuid(6)],
    ["TIME_UNSORTABLE", uuid(10)],
    ["MESSAGE_ORPHAN", uuid(8)],
    ["LOGINS_READABLE", undefined],
    ["TOOL_UNANSWERED", uuid(1)],
    ["RESULTS_UNREADABLE", uuid(9)],
    ["ROLE_UNKNOWN", uuid(9)],
    ["TOOL_UNANSWERED", uuid(9)],
  ]);
  assertUntouched(before, treeState(home));
});

test("quick opens no message; --code and --session narrow; --fail-on decides the exit", async (t) => {
  const { home } = madeAgsh(t, { shape: "0.1.0", sessions: DAMAGED });
  const quick = (await findings(home, "--level", "quick")).map(([code]) => code);
  assert.deepEqual(
    [...new Set(quick)],
    ["LOCK_DEAD", "LOCK_NO_PID", "LOCK_UNKNOWN", "SESSION_EMPTY", "MESSAGE_ORPHAN"],
  );
  assert.deepEqual(await findings(home, "--code", "lock_dead"), [["LOCK_DEAD", uuid(1)]]);
  assert.deepEqual(await findings(home, "--session", uuid(3)), [["LOCK_NO_PID", uuid(3)]]);
  assert.equal((await reconcile("check", "--home", home, "--code", "SESSION_EMPTY")).code, 0);
  assert.equal((await reconcile("check", "--home", home, "--code", "SESSION_EMPTY", "--fail-on", "info")).code, 1);
  assert.equal((await reconcile("check", "--home", home, "--code", "NO_SUCH")).code, 2);
});

test("the plan is what apply does; updated_at stays; undo puts every row back", async (t) => {
  const { home, file } = madeAgsh(t, { shape: "0.8.0", sessions: DAMAGED });
  const before = dumpDatabase(file);
  const planned = await reconcile("plan", "--home", home);
  assert.deepEqual(dumpDatabase(file), before);
  const actions = planned.records.filter(({ kind }) => kind === "action");
  assert.deepEqual(
    actions.map(({ verb, id }) => [verb, id]),
    [
      ["clear-lock", uuid(1)],
      ["clear-lock", uuid(3)],
      ["clear-lock", uuid(4)],
      ["add-session", uuid(8)],
    ],
  );
  const times = rows(file).map(({ id, updated_at }) => [id, updated_at]);
  const applied = await reconcile("plan", "--home", home, "--apply");
  assert.equal(applied.code, 0, applied.stderr);
  const done = applied.records.filter(({ state }) => state === "done");
  assert.deepEqual(
    done.map(({ verb, id }) => [verb, id]),
    actions.map(({ verb, id }) => [verb, id]),
  );
  const now = rows(file);
  assert.deepEqual(
    now.filter(({ locked_by }) => locked_by !== null).map(({ id }) => id),
    [uuid(2), uuid(5), uuid(7)],
  );
  assert.deepEqual(
    now.filter(({ id }) => id !== uuid(8)).map(({ id, updated_at }) => [id, updated_at]),
    times,
  );
  assert.deepEqual(await findings(home, "--code", "LOCK_DEAD,LOCK_NO_PID,MESSAGE_ORPHAN"), []);
  const again = await reconcile("plan", "--home", home, "--apply");
  assert.equal(again.records.filter(({ kind }) => kind === "action").length, 0);
  const id = runOf(applied);
  assert.equal((await reconcile("undo", id, "--home", home)).code, 0);
  const undone = await reconcile("undo", id, "--home", home, "--apply");
  assert.equal(undone.code, 0, undone.stderr);
  assert.deepEqual(dumpDatabase(file), before);
  assert.equal((await reconcile("undo", id, "--home", home, "--apply")).code, 2, "once");
});

function rows(file: string): { id: string; updated_at: string; locked_by: string | null }[] {
  const db = new DatabaseSync(file, { readOnly: true });
  try {
    return db.prepare("SELECT id, updated_at, locked_by FROM sessions ORDER BY id").all() as never;
  } finally {
    db.close();
  }
}

function change(file: string, sql: string): void {
  const db = new DatabaseSync(file);
  db.exec(sql);
  db.close();
}

test("what has changed since the plan is skipped and named; of another home it is refused", async (t) => {
  const { home, file } = madeAgsh(t, { shape: "0.8.0", sessions: DAMAGED });
  const plan = join(tempDir(t), "plan.jsonl");
  writeFileSync(plan, (await reconcile("plan", "--home", home)).stdout, { mode: 0o600 });
  change(
    file,
    `UPDATE sessions SET updated_at = '2026-05-01T00:00:00+00:00' WHERE id = '${uuid(1)}';
    UPDATE sessions SET locked_by = '4242' WHERE id = '${uuid(3)}'`,
  );
  const ran = await reconcile("apply", plan, "--home", home);
  assert.equal(ran.code, 3, ran.stderr);
  const state = new Map(ran.records.map(({ id, state: of }) => [id, of]));
  assert.deepEqual(
    [1, 3, 4, 8].map((n) => state.get(uuid(n))),
    ["skipped", "skipped", "done", "done"],
  );
  const other = madeAgsh(t, { shape: "0.8.0", sessions: DAMAGED });
  assert.equal((await reconcile("apply", plan, "--home", other.home)).code, 4);
});

test("undo after somebody else has used the session is refused whole", async (t) => {
  const { home, file } = madeAgsh(t, { shape: "0.1.0", sessions: DAMAGED });
  const applied = await reconcile("plan", "--home", home, "--apply");
  change(file, `UPDATE sessions SET locked_by = '4242' WHERE id = '${uuid(3)}'`);
  const before = dumpDatabase(file);
  const ran = await reconcile("undo", runOf(applied), "--home", home, "--apply");
  assert.equal(ran.code, 4);
  assert.match(ran.stderr, /was changed by another program since/);
  assert.deepEqual(dumpDatabase(file), before);
});

test("runs of the version before: a finished one is undone, and so is one that was killed before or after its transaction", async (t) => {
  for (const [name, isChanged] of [
    ["done.json", true],
    ["journal.json", true],
    ["journal.json", false],
  ] as const) {
    const { home, file } = madeAgsh(t, { shape: "0.8.0", sessions: DAMAGED });
    const before = dumpDatabase(file);
    const bytes = readFileSync(file);
    const applied = await reconcile("plan", "--home", home, "--apply");
    const run = runOf(applied);
    const dir = join(home, ".agh-toolkit/journal", run);
    const { rows: changes, home_id } = JSON.parse(readFileSync(join(dir, "done.json"), "utf8")) as {
      rows: unknown;
      home_id: string;
    };
    rmSync(join(dir, "done.json"));
    rmSync(join(home, ".agh-toolkit/home.json"));
    const old = { format: 1, run, tool: "agh-reconcile rows", home_id, steps: [], rows: changes };
    writeFileSync(join(dir, name), encodeSealed(old).bytes, { mode: 0o600 });
    if (!isChanged) writeFileSync(file, bytes);
    if (name === "journal.json") {
      const next = await reconcile("plan", "--home", home, "--apply", "--code", "LOGINS_READABLE");
      assert.equal(next.code, 0, next.stderr);
    }
    const undone = await reconcile("undo", run, "--home", home, "--apply");
    assert.deepEqual([undone.code, undone.records.length], [0, 5], undone.stderr);
    assert.deepEqual(dumpDatabase(file), before);
    assert.equal((await reconcile("undo", run, "--home", home, "--apply")).code, 2);
  }
});

test("a killed run of rows is listed, and abandoned where its rows were changed since", async (t) => {
  const { home, file } = madeAgsh(t, { shape: "0.8.0", sessions: DAMAGED });
  const run = runOf(await reconcile("plan", "--home", home, "--apply"));
  const dir = join(home, ".agh-toolkit/journal", run);
  renameSync(join(dir, "done.json"), join(dir, "journal.json"));
  const [record] = (await reconcile("unfinished", "--home", home)).records;
  assert.deepEqual(
    [record!["kind"], record!["runtime"], record!["id"], record!["state"]],
    ["run", "agsh", run, "unfinished"],
  );
  change(file, `UPDATE sessions SET locked_by = '4242' WHERE id = '${uuid(3)}'`);
  const before = dumpDatabase(file);
  assert.equal((await reconcile("undo", run, "--home", home, "--apply")).code, 4);
  const abandoned = await reconcile("undo", run, "--home", home, "--abandon", "--apply");
  assert.equal(abandoned.code, 0, abandoned.stderr);
  assert.deepEqual(dumpDatabase(file), before);
  assert.equal((await reconcile("unfinished", "--home", home)).records.length, 0);
  assert.ok(existsSync(join(home, ".agh-toolkit/trash", run, "journal/journal.json")));
});

test("a database that another process writes to is busy (5), and nothing is half done", async (t) => {
  const { home, file } = madeAgsh(t, { shape: "0.1.0", sessions: DAMAGED });
  const writer = new DatabaseSync(file);
  writer.exec("BEGIN EXCLUSIVE");
  try {
    const ran = await run("reconcile", ["plan", "--code", "LOCK_NO_PID", "--home", home, "--apply"]);
    assert.equal(ran.code, 5, ran.stderr);
  } finally {
    writer.exec("ROLLBACK");
    writer.close();
  }
  assert.equal(rows(file).find(({ id }) => id === uuid(1))!.locked_by, "99");
});

test("damage is a finding; so is a database that is none", async (t) => {
  const { home, file } = madeAgsh(t);
  writeFileSync(file, "no database");
  const ran = await reconcile("check", "--home", home);
  assert.deepEqual([ran.code, ran.records[0]!["code"]], [1, "DATABASE_UNREADABLE"]);
  assert.equal((await reconcile("boot", "--home", home)).code, 4);
});

test("the real home: a dead lock, the unanswered call beside it, an empty session", async (t) => {
  const real = realHome(t, "agsh");
  if (!real) return;
  const found = new Map(await findings(real.home));
  assert.equal(found.get("TOOL_UNANSWERED"), "dead0000-0000-4000-8000-00000000000a");
  assert.equal(found.get("SESSION_EMPTY"), "44c5b476-3fe3-4d03-87fc-816ac16e2284");
  const ran = await runHere(tool, ["plan", "--home", real.home], { isAlive: (pid) => pid === 3999998 });
  const actions = ran.records.filter(({ kind }) => kind === "action").map(({ id }) => id);
  assert.deepEqual(actions, ["dead0000-0000-4000-8000-00000000000a"]);
});

test("no code of one runtime is another's, and explain knows them all", async () => {
  const repairers = await loadRepairers();
  const codes = repairers.flatMap(({ rules }) => [...rules.keys()]);
  assert.equal(new Set(codes).size, codes.length);
  assert.deepEqual(new Set((await loadRules()).keys()), new Set([...COMMON_RULES.keys(), ...codes]));
  assert.deepEqual(
    repairers.map(({ title, rules }) => [title, rules.size > 10]),
    [
      ["AGH", true],
      ["agsh", true],
      ["AGDD", true],
    ],
  );
  for (const code of AGSH.keys()) assert.equal((await reconcile("explain", code)).code, 0, code);
});

/** A small generator: the same numbers for the same seed, everywhere. */
function* numbers(seed: number): Generator<number, never> {
  for (let state = seed >>> 0; ;) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    yield state / 2 ** 32;
  }
}

test("over random homes the plan is what apply does, and undo the way back", async (t) => {
  const base = tempDir(t);
  for (let seed = 1; seed <= 15; seed++) {
    const next = numbers(seed);
    const of = <T>(...choices: readonly T[]): T => choices[Math.floor(next.next().value * choices.length)]!;
    const sessions: MadeSession[] = Array.from({ length: 1 + Math.floor(next.next().value * 12) }, (_, n) => ({
      id: uuid(n + 1),
      lockedBy: of(null, null, "99", "4242", "0", "", "x", "99999999999"),
      row: of(true, true, true, false),
      messages: of([], [user("a")], [user("a"), call("t")], [user("a"), call("t"), result("t"), text("b")]),
    }));
    const home = join(base, String(seed));
    const file = makeAgsh(home, { shape: of("0.1.0", "0.3.0", "0.8.0"), sessions });
    const before = dumpDatabase(file);
    const plan = (await reconcile("plan", "--home", home)).records.filter(({ kind }) => kind === "action");
    const applied = await reconcile("plan", "--home", home, "--apply");
    assert.equal(applied.code, 0, `seed ${seed}: ${applied.stderr}`);
    const done = applied.records.filter(({ state }) => state === "done");
    assert.deepEqual(
      done.map(({ verb, id }) => [verb, id]),
      plan.map(({ verb, id }) => [verb, id]),
      `seed ${seed}`,
    );
    if (plan.length === 0) continue;
    assert.notDeepEqual(dumpDatabase(file), before);
    const undone = await reconcile("undo", runOf(applied), "--home", home, "--apply");
    assert.equal(undone.code, 0, `seed ${seed}: ${undone.stderr}`);
    assert.deepEqual(dumpDatabase(file), before, `seed ${seed}`);
  }
});
