// agh-inspect sessions: what every store says, joined and judged.
import assert from "node:assert/strict";
import { mkdirSync, rmSync, writeFileSync, cpSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { tool } from "../../bin/agh-inspect.ts";
import type { SessionRecord } from "../../lib/records/runtime-kinds.ts";
import { realHome } from "../support/homes.ts";
import { runHere, type Ran } from "../support/memory.ts";
import { assertUntouched, treeState } from "../support/tree.ts";

const inspect = (home: string, ...argv: readonly string[]): Promise<Ran> =>
  runHere(tool, [...argv, "--home", home], { env: { HOME: "/nowhere" } });

async function list(home: string, ...argv: readonly string[]): Promise<SessionRecord[]> {
  const ran = await inspect(home, "sessions", ...argv);
  assert.equal(ran.code, 0, ran.stderr);
  return ran.records as unknown as SessionRecord[];
}

const byId = (sessions: readonly SessionRecord[], id: string): SessionRecord => {
  const found = sessions.find((session) => session.id === id);
  assert.ok(found, `${id} is not listed`);
  return found;
};

test("a killed daemon's sessions that every store calls live are dead, and nothing is touched", async (t: TestContext) => {
  const real = realHome(t, "agh-killed");
  if (!real) return;
  const before = treeState(real.base);
  const sessions = await list(real.home, "--json");
  assertUntouched(before, treeState(real.base));
  assert.equal(sessions.length, 10);
  const dead = sessions.filter(({ effective }) => effective === "dead");
  assert.deepEqual(
    dead.map(({ id }) => id),
    ["sess-79caa802440eb066", "sess-b78362cb1044d9b1", "sess-f48622c473104664"],
  );
  assert.ok(dead.every(({ state, state_from, has }) => state === "active" && state_from === "meta" && has.row));
  assert.ok(dead.every(({ has, resumable }) => !has.ledger && !resumable.ok));
  assert.equal(sessions.filter(({ effective, has }) => effective === "stopped" && has.ledger).length, 7);
});

test("selectors narrow: state, agent, crashed, times of the last event", async (t) => {
  const real = realHome(t, "agh-killed");
  if (!real) return;
  assert.equal((await list(real.home, "--state", "dead")).length, 3);
  assert.equal((await list(real.home, "--state", "active,stopped")).length, 10);
  assert.equal((await list(real.home, "--agent", "planner")).length, 3);
  assert.equal((await list(real.home, "--crashed")).length, 4);
  assert.equal((await list(real.home, "--workspace", "billing")).length, 6);
  const late = await list(real.home, "--since", "2026-11-21T08:20:55.479478217Z", "--sort=-last-event");
  assert.deepEqual(
    late.map(({ id }) => id.slice(5, 9)),
    ["f486", "b783", "79ca", "02ad"],
    "the WAL's rows count, and the bound is included to the nanosecond",
  );
  assert.equal(late[0]!.last_sequence, 26);
});

test("ids: full, a unique prefix, unknown alone (2), unknown among several (3)", async (t) => {
  const real = realHome(t, "agh-killed");
  if (!real) return;
  assert.deepEqual(
    (await list(real.home, "f486")).map(({ id }) => id),
    ["sess-f48622c473104664"],
  );
  assert.deepEqual(
    (await list(real.home, "sess-f486")).map(({ id }) => id),
    ["sess-f48622c473104664"],
  );
  const alone = await inspect(real.home, "sessions", "ffff");
  assert.equal(alone.code, 2);
  assert.equal(alone.stdout, "");
  const several = await inspect(real.home, "sessions", "f486", "ffff");
  assert.equal(several.code, 3);
  assert.equal(several.records.length, 1);
  assert.equal((await inspect(real.home, "sessions", "f48")).code, 2, "three characters are too few");
});

test("two orphaned rows: one archived by hand, one with a broken meta", async (t) => {
  const real = realHome(t, "agh-drifted");
  if (!real) return;
  const sessions = await list(real.home, "--state", "orphaned");
  assert.equal(sessions.length, 2);
  const archived = byId(sessions, "sess-1a5b16097c4002a8");
  assert.equal(archived.effective, "archived");
  assert.deepEqual(archived.has, { row: true, dir: false, meta: false, events: false, ledger: true, archive: true });
  const broken = byId(sessions, "sess-3043ee43dfbf4551");
  assert.equal(broken.effective, "orphaned");
  assert.match(broken.problem ?? "", /not valid JSON/);
  assert.ok(broken.has.dir && broken.has.events && !broken.has.meta);
});

test("a fresh empty catalog: sessions come from their metas, unindexed", async (t) => {
  const real = realHome(t, "agh-unbootable");
  if (!real) return;
  const sessions = await list(real.home);
  assert.equal(sessions.length, 10);
  assert.equal(sessions.filter(({ effective }) => effective === "unindexed").length, 9);
  assert.equal(byId(sessions, "sess-1a5b16097c4002a8").state_from, "archive");
});

test("without a catalog, or with garbage for one, metas are listed and the exit is 3", async (t) => {
  const real = realHome(t, "agh-clean");
  if (!real) return;
  writeFileSync(join(real.home, "agh.db"), "garbage ".repeat(1000));
  const garbage = await inspect(real.home, "sessions");
  assert.equal(garbage.code, 3);
  assert.equal(garbage.records.length, 10);
  assert.match(garbage.stderr, /not an SQLite database/);
  rmSync(join(real.home, "agh.db"));
  const missing = await inspect(real.home, "sessions");
  assert.equal(missing.code, 3);
  assert.equal(missing.records.length, 10);
  rmSync(join(real.home, "sessions"), { recursive: true });
  mkdirSync(join(real.home, "sessions"));
  const nothing = await inspect(real.home, "sessions");
  assert.equal(nothing.code, 6);
  assert.equal(nothing.stdout, "");
});

test("a second directory with the same id is ignored and told; the meta's id counts, not the name", async (t) => {
  const real = realHome(t, "agh-clean");
  if (!real) return;
  const sessions = join(real.home, "sessions");
  cpSync(join(sessions, "sess-0e2a07363a40f0c0"), join(sessions, "sess-ffffffffffffffff"), { recursive: true });
  const twice = await inspect(real.home, "sessions");
  assert.equal(twice.code, 3);
  assert.equal(twice.records.length, 10);
  assert.match(twice.stderr, /has the id sess-0e2a07363a40f0c0 too/);
  const meta = join(sessions, "sess-ffffffffffffffff/meta.json");
  writeFileSync(meta, readFileSync(meta, "utf8").replace('"sess-0e2a07363a40f0c0"', '"sess-eeeeeeeeeeeeeeee"'));
  const [renamed] = await list(real.home, "eeee");
  assert.equal(renamed!.id, "sess-eeeeeeeeeeeeeeee");
  assert.equal(renamed!.effective, "unindexed");
});

test("no home: exit 6 and what to type", async (t) => {
  const real = realHome(t, "agh-clean");
  const missing = await inspect("/no/such/home", "sessions");
  assert.equal(missing.code, 6);
  assert.match(missing.stderr, /name one: --home DIR/);
  if (!real) return;
  const above = await inspect(real.base, "sessions");
  assert.equal(above.code, 6);
  assert.match(above.stderr, new RegExp(`--home ${real.home}`), "the home right below is offered");
});
