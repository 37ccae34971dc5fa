// A made home is the same for the same seed, sound, and shaped as AGH's.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import test from "node:test";
import { makeHome } from "../../scripts/make-home/home.ts";
import { madeHome, PROJECT, realHome } from "../support/homes.ts";
import { runScript } from "../support/run.ts";
import { dumpDatabase, queryCopy } from "../support/sqlite-dump.ts";
import { tempDir } from "../support/temp.ts";
import { assertUntouched, treeState } from "../support/tree.ts";

const SMALL = { sessions: 12, events: 60, live: 2, days: 5 };
const COLUMNS = `SELECT m.name || '.' || c.name || ' ' || c.type || ' ' || c."notnull" || ' ' || coalesce(c.dflt_value, '') || ' ' || c.pk AS it
  FROM sqlite_schema m, pragma_table_info(m.name) c WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' ORDER BY m.name, c.cid`;
const INDEXES = `SELECT m.tbl_name || ' ' || l."unique" || ' ' || l.origin || ' ' || group_concat(i.name || i."desc") AS it FROM sqlite_schema m,
  pragma_index_list(m.tbl_name) l, pragma_index_xinfo(l.name) i WHERE m.type = 'table' AND i.key GROUP BY m.name, l.name ORDER BY 1`;

test("the same seed makes the same bytes, modes and times; another seed does not", (t) => {
  const same = { ...SMALL, projects: tempDir(t) };
  const [one, two] = [madeHome(t, same), madeHome(t, same)];
  assert.deepEqual(one.ids, two.ids);
  assertUntouched(treeState(one.home), treeState(two.home), {
    fields: ["ino", "ctimeNs", "atimeNs"],
    paths: (it) => it === ".",
  });
  assert.notDeepEqual(madeHome(t, { ...SMALL, seed: 2 }).ids, one.ids);
});

test("every database is sound, every sequence gapless, every content JSON, every reference kept", (t) => {
  const { home, ids } = madeHome(t, SMALL);
  for (const id of ids) {
    const file = path.join(home, "sessions", id, "events.db");
    assert.equal(dumpDatabase(file).integrity, "ok");
    const [row] = queryCopy(
      file,
      "SELECT count(*) AS n, min(sequence) AS low, max(sequence) AS high, sum(json_valid(content)) AS json FROM events",
    );
    assert.deepEqual({ ...row }, { n: 60, low: 1, high: 60, json: 60 });
    assert.deepEqual(
      queryCopy(
        file,
        "SELECT 1 FROM events a JOIN events b ON b.sequence = a.sequence + 1 WHERE b.timestamp <= a.timestamp",
      ),
      [],
    );
  }
  const catalog = path.join(home, "agh.db");
  assert.equal(dumpDatabase(catalog).integrity, "ok");
  assert.deepEqual(queryCopy(catalog, "PRAGMA foreign_key_check"), []);
  assert.equal(dumpDatabase(catalog).tables["sessions"]?.rows, 12);
  assert.equal(dumpDatabase(catalog).tables["event_summaries"]?.rows, 12 * 60);
});

test("a live session's rows are in its -wal only; a stopped one has no sidecar", (t) => {
  const { home, ids } = madeHome(t, SMALL);
  const names = (id: string): string =>
    fs
      .readdirSync(path.join(home, "sessions", id))
      .toSorted()
      .join();
  assert.equal(names(ids[0]!), "events.db,meta.json");
  assert.equal(names(ids.at(-1)!), "events.db,events.db-shm,events.db-wal,meta.json");
  assert.equal(fs.statSync(path.join(home, "sessions", ids.at(-1)!, "events.db")).size, 4096);
  assert.equal(metaOf(home, ids.at(-1)!)["state"], "active");
  assert.equal(metaOf(home, ids[0]!)["state"], "stopped");
});

test("ledgers tell the events and end when meta.json says", (t) => {
  const { home, ids } = madeHome(t, SMALL);
  const meta = metaOf(home, ids[0]!);
  const file = path.join(home, "sessions", String(meta["workspace_id"]), ids[0]!, "ledger.jsonl");
  const lines = fs.readFileSync(file, "utf8").trimEnd().split("\n");
  const [head, first] = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.equal(lines.length, 61);
  assert.deepEqual([head!["started_at"], head!["ended_at"]], [meta["created_at"], meta["updated_at"]]);
  const [row] = queryCopy(
    path.join(home, "sessions", ids[0]!, "events.db"),
    "SELECT id, content FROM events WHERE sequence = 1",
  );
  assert.deepEqual([first!["event_id"], first!["content"]], [row!["id"], JSON.parse(String(row!["content"]))]);
});

test("tables have AGH's own columns, keys, indexes and migrations", (t) => {
  const real = realHome(t, "agh-clean");
  if (real === undefined) return;
  const made = madeHome(t, { sessions: 1 });
  const realSession = fs.readdirSync(path.join(real.home, "sessions")).find((it) => it.startsWith("sess-"))!;
  compareShapes(
    path.join(real.home, "sessions", realSession, "events.db"),
    path.join(made.home, "sessions", made.ids[0]!, "events.db"),
  );
  compareShapes(path.join(real.home, "agh.db"), path.join(made.home, "agh.db"));
});

test("a home of a few events, and one of none, can be made", (t) => {
  for (const events of [0, 1, 2, 3, 4, 5]) {
    const { home, ids } = madeHome(t, { sessions: 2, live: 1, events });
    for (const id of ids)
      assert.equal(dumpDatabase(path.join(home, "sessions", id, "events.db")).tables["events"]?.rows, events);
  }
});

test("the script prints one line that says what it made, and refuses what it does not know", async (t) => {
  const script = path.join(PROJECT, "scripts/make-home.ts");
  const home = path.join(tempDir(t), "home");
  const good = await runScript(script, [home, "--sessions", "2", "--events", "9", "--no-ledgers"]);
  assert.deepEqual([good.code, good.records.length, good.records[0]!["events"]], [0, 1, 18]);
  assert.equal(fs.readdirSync(path.join(home, "sessions")).length, 2);
  assert.equal((await runScript(script, [])).code, 2);
  assert.equal((await runScript(script, [home, "--sessions", "many"])).code, 2);
  assert.throws(() => makeHome(path.join(tempDir(t), "h"), { sessions: 1, live: 2 }), RangeError);
});

/** Every made table is one of AGH's, with the same columns, indexes and, for migrations, the same rows. */
function compareShapes(real: string, made: string): void {
  for (const sql of [COLUMNS, INDEXES]) {
    const theirs = new Set(queryCopy(real, sql).map((row) => row["it"]));
    const ours = queryCopy(made, sql).map((row) => String(row["it"]));
    assert.deepEqual(
      ours.filter((it) => !theirs.has(it)),
      [],
    );
    const tables = new Set(ours.map((it) => it.split(/[. ]/)[0]));
    assert.deepEqual(
      [...theirs].filter((it) => tables.has(String(it).split(/[. ]/)[0]) && !ours.includes(String(it))),
      [],
    );
  }
  const migrations = "SELECT version, name, checksum FROM schema_migrations ORDER BY version";
  assert.deepEqual(queryCopy(made, migrations), queryCopy(real, migrations));
}

function metaOf(home: string, id: string): Record<string, unknown> {
  return JSON.parse(fs.readFileSync(path.join(home, "sessions", id, "meta.json"), "utf8")) as Record<string, unknown>;
}
