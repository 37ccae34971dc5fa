// agh-ledger over agsh and AGDD, which write no ledgers: each event as its record is, sealed like AGH's, nothing of theirs touched.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test, type TestContext } from "node:test";
import { tool as inspect } from "../../bin/agh-inspect.ts";
import { realHome } from "../support/homes.ts";
import { runHere } from "../support/memory.ts";
import { assertUntouched, treeState } from "../support/tree.ts";
import { ledger, overwrite } from "./home.ts";

const STORES = {
  agsh: "sessions.db",
  "agsh-v08": "sessions.db",
  agdd: ".agdd/storage.db",
  "agdd-nofts": ".agdd/storage.db",
};
type Name = keyof typeof STORES;

/** The directory that `--home` names. */
function homeOf(t: TestContext, name: Name): string | undefined {
  const found = realHome(t, name);
  return found && (name.startsWith("agsh") ? found.home : found.base);
}

const seen = async (home: string, ...argv: string[]): Promise<string> =>
  (await runHere(inspect, [...argv, "--json", "--home", home], { env: { HOME: "/nowhere" } })).stdout;

const files = (home: string): Map<string, string> =>
  new Map(
    fs
      .globSync(".agh-ledgers/*/ledger.jsonl", { cwd: home })
      .map((at) => [path.basename(path.dirname(at)), path.join(home, at)]),
  );

for (const name of Object.keys(STORES) as Name[]) {
  test(`${name}: what is written reads back as the events themselves, and the runtime's own files stay as they were`, async (t) => {
    const home = homeOf(t, name);
    if (home === undefined) return;
    const before = treeState(home);
    const { records } = await ledger(home, "write", "--all");
    const written = records.filter(({ state }) => state === "written").map(({ id }) => String(id));
    assert.ok(written.length > 0);
    for (const id of written) {
      assert.equal((await ledger(home, "cat", id)).stdout, await seen(home, "events", id));
    }
    for (const file of files(home).values()) assert.equal(fs.statSync(file).mode & 0o777, 0o444);
    const isOurs = (at: string): boolean => at === "." || at.startsWith(".agh-ledgers");
    assertUntouched(before, treeState(home), { paths: isOurs });
    assert.deepEqual([...files(home).keys()].sort(), written.toSorted());
    const ids = (await seen(home, "sessions"))
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Session);
    assert.deepEqual(
      ids.filter(({ has }) => has.ledger).map(({ id }) => id),
      written.toSorted(),
    );
  });
}

interface Session {
  readonly id: string;
  readonly has: { readonly ledger: boolean };
}

test("a second write changes nothing; what came since makes it a prefix; sealed, a changed byte is found out", async (t) => {
  const home = homeOf(t, "agdd");
  if (home === undefined) return;
  await ledger(home, "write", "--all");
  const again = await ledger(home, "write", "--all");
  const states = new Set(again.records.filter(({ kind }) => kind === "ledger").map(({ state }) => state));
  assert.deepEqual([...states], ["equal"]);
  assert.equal((await ledger(home, "seal", "--all")).code, 0);
  assert.equal((await ledger(home, "verify", "--all")).code, 0);
  const [id, file] = [...files(home)][0]!;
  const db = new DatabaseSync(path.join(home, STORES.agdd));
  db.prepare(
    "INSERT INTO events (ts, run_id, agent_slug, type, msg) VALUES ('2026-11-21T12:00:00+00:00', ?, 'x', 'log', 'later')",
  ).run(id);
  db.close();
  assert.equal((await ledger(home, "compare", id)).records[0]!["verdict"], "prefix");
  const bytes = fs.readFileSync(file);
  bytes[bytes.length - 20]! ^= 1;
  overwrite(file, bytes);
  const verified = await ledger(home, "verify", id);
  assert.deepEqual([verified.code, verified.records[0]!["status"]], [1, "tampered"]);
  assert.equal((await ledger(home, "compare", id)).records[0]!["verdict"], "differs");
});

test("numbers pass as they were written, and one line is proven", async (t) => {
  const home = homeOf(t, "agdd");
  if (home === undefined) return;
  const id = "mag-numbers0";
  const payload = '{"big": 9007199254740993, "small": 1e-07, "zero": -0.0}';
  const db = new DatabaseSync(path.join(home, STORES.agdd));
  db.exec(
    `INSERT INTO runs (run_id, agent_slug, started_at, ended_at, status) VALUES ('${id}', 'x', '2026-11-20T12:00:00+00:00', '2026-11-20T12:00:01+00:00', 'succeeded')`,
  );
  db.prepare(
    "INSERT INTO events (ts, run_id, agent_slug, type, payload) VALUES ('2026-11-20T12:00:00+00:00', ?, 'x', 'log', ?)",
  ).run(id, payload);
  db.close();
  await ledger(home, "write", id);
  assert.ok(fs.readFileSync(files(home).get(id)!, "utf8").includes(`"content":${payload}`));
  await ledger(home, "seal", id);
  const proof = await ledger(home, "prove", id, "1");
  assert.equal(proof.code, 0, proof.stderr);
});

test("a run that claims to be running is left alone, and an id that is no name is refused", async (t) => {
  const home = homeOf(t, "agdd");
  if (home === undefined) return;
  const live = await ledger(home, "write", "mag-stalea000");
  assert.deepEqual([live.code, live.records[0]!["code"]], [3, "LEDGER_LIVE"]);
  const db = new DatabaseSync(path.join(home, STORES.agdd));
  db.exec(
    "INSERT INTO runs (run_id, agent_slug, started_at, status) VALUES ('../../out', 'x', '2026-11-20T12:00:00+00:00', 'failed')",
  );
  db.exec(
    "INSERT INTO events (ts, run_id, agent_slug, type) VALUES ('2026-11-20T12:00:00+00:00', '../../out', 'x', 'log')",
  );
  db.close();
  const outside = await ledger(home, "write", "../../out");
  assert.deepEqual([outside.code, outside.records[0]!["code"]], [3, "UNSAFE_ID"]);
  assert.deepEqual([...files(home)], []);
});
