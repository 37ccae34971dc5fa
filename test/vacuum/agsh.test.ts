// agsh homes through agh-vacuum sessions: what a policy takes, where the rows go, and who is never touched.
import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { tool as archive } from "../../bin/agh-archive.ts";
import { tool as inspect } from "../../bin/agh-inspect.ts";
import { tool } from "../../bin/agh-vacuum.ts";
import type { AnyRecord } from "../../lib/records/record.ts";
import { runHere, type Ran } from "../support/memory.ts";
import { dumpDatabase } from "../support/sqlite-dump.ts";
import { tempDir } from "../support/temp.ts";
import { madeAgsh, makeAgsh, text, user, uuid, type MadeSession } from "../sources/agsh/make-databases.ts";

const NOW = "2026-05-01T00:00:00Z";
const alive = (pid: number): boolean => pid === 4242;
const vacuum = (...argv: readonly string[]): Promise<Ran> => runHere(tool, argv, { isAlive: alive });
const sessions = (home: string, ...argv: readonly string[]): Promise<Ran> =>
  vacuum("sessions", "--home", home, "--now", NOW, ...argv);

const actions = ({ records }: Ran): AnyRecord[] => records.filter(({ kind }) => kind === "action");
const ids = (records: readonly AnyRecord[]): unknown[] => records.map(({ id }) => id);
const idsIn = async (home: string): Promise<unknown[]> =>
  ids((await runHere(inspect, ["sessions", "--home", home])).records);

/** `YYYY-MM-DD` of April as agsh writes it. */
const day = (n: number): string => `2026-04-${String(n).padStart(2, "0")}T00:00:00.000000001+00:00`;
const session = (n: number, more: Partial<MadeSession> = {}): MadeSession => ({
  id: uuid(n),
  createdAt: day(n),
  updatedAt: day(n),
  messages: [
    { ...user(`question ${n}`), at: day(n) },
    { ...text("answer"), at: day(n) },
  ],
  ...more,
});

const MIXED = [
  session(1),
  session(2, { lockedBy: "4242" }),
  session(3, { lockedBy: "99" }),
  session(4, { messages: [] }),
  session(5, { row: false }),
  session(20),
];

test("by age: all that is older goes, a live lock and messages without a session stay, oldest first", async (t) => {
  const { home, file } = madeAgsh(t, { sessions: MIXED });
  const before = dumpDatabase(file);
  const planned = await sessions(home, "--older-than", "15d");
  assert.equal(planned.code, 0, planned.stderr);
  assert.deepEqual(ids(actions(planned)), [uuid(1), uuid(3), uuid(4)]);
  assert.deepEqual(dumpDatabase(file), before);
  const applied = await sessions(home, "--older-than", "15d", "--apply");
  assert.equal(applied.code, 0, applied.stderr);
  assert.deepEqual(
    actions(applied).map(({ id, state }) => [id, state]),
    [
      [uuid(1), "done"],
      [uuid(3), "done"],
      [uuid(4), "done"],
    ],
  );
  assert.equal(applied.records.at(-1)!["freed_bytes"], planned.records.at(-1)!["predicted_bytes"]);
  assert.deepEqual(await idsIn(home), [uuid(2), uuid(5), uuid(20)]);
  assert.equal((await sessions(home, "--older-than", "15d")).records.at(-1)!["items"], 0);
});

test("selected by name, a session that a live process holds is skipped with the reason (3)", async (t) => {
  const { home } = madeAgsh(t, { sessions: MIXED });
  const ran = await sessions(home, uuid(2), uuid(1), "--apply");
  assert.equal(ran.code, 3, ran.stderr);
  const state = new Map(actions(ran).map(({ id, state: of, reason }) => [id, `${String(of)}: ${String(reason)}`]));
  assert.match(state.get(uuid(2))!, /^skipped: process 4242 has locked it/);
  assert.match(state.get(uuid(1))!, /^done/);
});

test("the trash holds every row, and gives it back", async (t) => {
  const { home, file } = madeAgsh(t, {
    sessions: MIXED,
    sql: `INSERT INTO tool_outputs VALUES ('${uuid(1)}', 'out', 'kept', '${day(1)}')`,
  });
  const before = dumpDatabase(file);
  await sessions(home, "--older-than", "15d", "--apply");
  const [trash] = (await vacuum("trash", "list", "--home", home)).records;
  assert.deepEqual([trash!["of"], trash!["sessions"], trash!["restorable"]], ["rows", 3, true]);
  const one = await vacuum("trash", "restore", uuid(3), "--home", home);
  assert.equal(one.code, 0, one.stderr);
  assert.ok((await idsIn(home)).includes(uuid(3)));
  const all = await vacuum("trash", "restore", "--all", "--home", home);
  assert.equal(all.code, 0, all.stderr);
  assert.deepEqual(dumpDatabase(file), before);
});

test("of a session that is in the trash twice the newer comes back; one that is there in another state stays in the trash", async (t) => {
  const { home, file } = madeAgsh(t, { sessions: MIXED });
  const inDatabase = <T>(use: (db: DatabaseSync) => T): T => {
    const db = new DatabaseSync(file);
    try {
      return use(db);
    } finally {
      db.close();
    }
  };
  const question = (): unknown =>
    inDatabase((db) => db.prepare("SELECT content FROM messages WHERE session_id = ? AND role = 'user'").all(uuid(1)));
  await sessions(home, uuid(1), uuid(3), "--apply");
  assert.equal((await vacuum("trash", "restore", uuid(1), "--home", home)).code, 0);
  inDatabase((db) =>
    db.prepare("UPDATE messages SET content = 'newer' WHERE session_id = ? AND role = 'user'").run(uuid(1)),
  );
  const newer = question();
  const aDayLater = ["--home", home, "--now", "2026-05-02T00:00:00Z", "--apply"]; // runs of one moment have no order
  assert.equal((await vacuum("sessions", uuid(1), ...aDayLater)).code, 0);
  assert.deepEqual(question(), []);
  assert.equal((await vacuum("trash", "restore", uuid(1), "--home", home)).code, 0);
  assert.deepEqual(question(), newer);
  const all = await vacuum("trash", "restore", "--all", "--home", home);
  assert.deepEqual([all.code, ids(all.records.slice(0, -1))], [0, [uuid(3)]], all.stderr);
  assert.deepEqual(question(), newer, "the older rows do not come over the newer ones");
  const left = (await vacuum("trash", "list", "--verify", "--home", home)).records;
  assert.deepEqual(
    left.map(({ of, restorable }) => [of, restorable]),
    [["rows", true]],
  );
});

test("what an archive holds goes at once; what it does not hold, or holds in an earlier state, is held", async (t) => {
  const { home, file } = madeAgsh(t, { sessions: MIXED });
  const to = join(tempDir(t), "archive");
  const put = await runHere(archive, ["put", uuid(1), uuid(3), "--home", home, "--to", to]);
  assert.equal(put.code, 0, put.stderr);
  const db = new DatabaseSync(file);
  db.exec(`UPDATE messages SET content = 'changed' WHERE session_id = '${uuid(3)}' AND role = 'user'`);
  db.close();
  const ran = await sessions(home, uuid(1), uuid(3), uuid(4), "--archive", to, "--apply");
  assert.equal(ran.code, 3);
  const state = new Map(actions(ran).map(({ id, state: of, reason }) => [id, `${String(of)}: ${String(reason)}`]));
  assert.match(state.get(uuid(1))!, /^done/);
  assert.match(state.get(uuid(3))!, /^skipped: it was archived in an earlier state/);
  assert.match(state.get(uuid(4))!, /^skipped: it is not archived in /);
  assert.deepEqual((await vacuum("trash", "list", "--home", home)).records, []);
  const back = await runHere(archive, ["get", uuid(1), "--from", to, "--to", home]);
  assert.equal(back.code, 0, back.stderr);
  assert.ok((await idsIn(home)).includes(uuid(1)));
});

test("a plan is held against each session again: one that was used since stays", async (t) => {
  const { home, file } = madeAgsh(t, { sessions: MIXED });
  const plan = (await sessions(home, "--older-than", "15d")).stdout;
  const db = new DatabaseSync(file);
  db.exec(`UPDATE sessions SET locked_by = '4242' WHERE id = '${uuid(1)}';
    INSERT INTO messages (session_id, role, content, created_at) VALUES ('${uuid(3)}', 'user', 'more', '${day(29)}')`);
  db.close();
  const ran = await runHere(tool, ["apply", "-", "--home", home], { stdin: plan, isAlive: alive });
  assert.equal(ran.code, 3, ran.stderr);
  const state = new Map(actions(ran).map(({ id, state: of }) => [id, of]));
  assert.deepEqual(
    [1, 3, 4].map((n) => state.get(uuid(n))),
    ["skipped", "skipped", "done"],
  );
});

test("a policy that agsh's sessions cannot answer is refused, and none at all is a usage error", async (t) => {
  const { home } = madeAgsh(t, { sessions: MIXED });
  assert.equal((await sessions(home)).code, 2);
  assert.equal((await sessions(home, "--older-than", "1d", "--keep-agent", "coder")).code, 2);
  assert.equal((await sessions(home, "--older-than", "1d", "--require", "sealed")).code, 4);
  assert.equal((await vacuum("runs", "--hot-days", "7", "--home", home)).code, 4);
});

/** A small generator: the same numbers for the same seed, everywhere. */
function* numbers(seed: number): Generator<number, never> {
  for (let state = seed >>> 0; ;) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    yield state / 2 ** 32;
  }
}

test("over random homes the plan is what apply does: the same sessions, the same bytes, nothing else", async (t) => {
  const base = tempDir(t);
  for (let seed = 1; seed <= 15; seed++) {
    const next = numbers(seed);
    const of = <T>(...choices: readonly T[]): T => choices[Math.floor(next.next().value * choices.length)]!;
    const made = Array.from({ length: 1 + Math.floor(next.next().value * 15) }, (_, n) =>
      session(n + 1, {
        lockedBy: of(null, null, null, "99", "4242", "x", "4294967295"),
        row: of(true, true, true, false),
        ...(of(true, true, false) ? {} : { messages: [] }),
      }),
    );
    const home = join(base, String(seed));
    const file = makeAgsh(home, { shape: of("0.1.0", "0.8.0"), sessions: made });
    const before = dumpDatabase(file);
    const policy = of(
      ["--older-than", "20d"],
      ["--max-sessions", "4"],
      ["--max-total", "60"],
      ["--older-than", "25d", "--keep-last", "2"],
    );
    const there = await idsIn(home);
    const plan = await sessions(home, ...policy);
    const applied = await sessions(home, ...policy, "--apply");
    const plannedActions = actions(plan).filter(({ state }) => state === "planned");
    const removed = actions(applied).filter(({ state }) => state === "done");
    assert.deepEqual(ids(removed), ids(plannedActions), `seed ${seed}`);
    assert.deepEqual(
      removed.map(({ freed }) => freed),
      plannedActions.map(({ bytes }) => bytes),
      `seed ${seed}`,
    );
    assert.equal(plan.code, applied.code, `seed ${seed}: ${applied.stderr}`);
    const left = there.filter((id) => !ids(removed).includes(id));
    assert.deepEqual(await idsIn(home), left, `seed ${seed}`);
    if (removed.length > 0) await vacuum("trash", "restore", "--all", "--home", home);
    assert.deepEqual(dumpDatabase(file), before, `seed ${seed}`);
  }
});
