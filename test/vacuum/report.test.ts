// agh-vacuum report: every byte is somewhere, nothing is touched, and what frees some without needing any comes first.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import type { AnyRecord } from "../../lib/records/record.ts";
import { madeHome, realHome } from "../support/homes.ts";
import { tempDir } from "../support/temp.ts";
import { assertUntouched, treeState } from "../support/tree.ts";
import { knownIn, putAll, sizeBelow, vacuum } from "./world.ts";

const of = (records: readonly AnyRecord[], what: string): AnyRecord[] =>
  records.filter((record) => record["of"] === what);
const sum = (records: readonly AnyRecord[]): number =>
  records.reduce((bytes, record) => bytes + Number(record["bytes"]), 0);

test("agh-clean: kinds of files add up to the home, tables to agh.db; nothing is touched", async (t) => {
  const real = realHome(t, "agh-clean");
  if (!real) return;
  const before = treeState(real.home);
  const { code, stderr, records } = await vacuum(["report", "--level", "full"], real.home);
  assert.equal(code, 0, stderr);
  assertUntouched(before, treeState(real.home));
  const all = [...before.values()].filter(({ type }) => type === "file").reduce((bytes, { size }) => bytes + size, 0);
  assert.equal(sum(of(records, "files")), all);
  const [free] = of(records, "free_pages").filter(({ name }) => name === "agh.db");
  const catalog = fs.statSync(path.join(real.home, "agh.db")).size;
  assert.equal(sum(of(records, "table")) + sum(of(records, "full_text")) + Number(free!["bytes"]), catalog);
  assert.ok(of(records, "full_text").some(({ name }) => name === "agh.db/memory_chunks_fts"));
  const types = new Map(of(records, "event_type").map(({ name, items }) => [name, items]));
  assert.equal(
    [...types.values()].reduce<number>((count, items) => count + Number(items), 0),
    eventsIn(real.home),
  );
  // quick says the same of less.
  const quick = await vacuum(["report"], real.home);
  assert.deepEqual([of(quick.records, "event_type"), sum(of(quick.records, "table")) > 0], [[], true]);
  assert.equal(sum(of(quick.records, "files")), all);
});

function eventsIn(home: string): number {
  return knownIn(home).reduce((count, { id }) => {
    const db = new DatabaseSync(`file:${path.join(home, "sessions", id, "events.db")}?immutable=1`, { readOnly: true });
    const row = db.prepare("SELECT count(*) AS count FROM events").get();
    db.close();
    return count + Number(row!["count"]);
  }, 0);
}

test("what frees bytes: the trash and kept runs need none and come first", async (t) => {
  const { home, ids } = madeHome(t, { sessions: 4, events: 60, seed: 3 });
  await putAll(home, ids.slice(0, 1));
  const trash = path.join(home, ".agh-toolkit/trash/01JD3M5T0G8Q4W2E6R7Y9V1J3K");
  fs.mkdirSync(trash, { recursive: true });
  fs.writeFileSync(path.join(trash, "file"), "x".repeat(5000));
  const kept = path.join(home, ".agh-toolkit/journal/01JD3M5T0G8Q4W2E6R7Y9V1J3M");
  fs.mkdirSync(kept, { recursive: true });
  fs.writeFileSync(path.join(kept, "done.json"), "{}");
  fs.writeFileSync(path.join(kept, "old"), "x".repeat(3000));
  const events = path.join(home, "sessions", ids[1]!, "events.db");
  const db = new DatabaseSync(events);
  db.exec("CREATE TABLE big (x); INSERT INTO big VALUES (zeroblob(200000)); DROP TABLE big");
  db.close();
  const { code, stderr, records } = await vacuum(["report"], home);
  assert.equal(code, 0, stderr);
  const gains = of(records, "frees");
  const needs = gains.map(({ needs_bytes }) => Number(needs_bytes));
  assert.deepEqual(
    needs,
    needs.toSorted((a, b) => a - b),
  );
  const byName = new Map(gains.map((gain) => [gain["name"], gain]));
  assert.deepEqual([byName.get("trash")!["bytes"], byName.get("kept-runs")!["bytes"]], [5000, 3002]);
  assert.deepEqual([byName.get("trash")!["needs_bytes"], byName.get("kept-runs")!["needs_bytes"]], [0, 0]);
  const bytes = new Map(knownIn(home).map((one) => [one.id, one.bytes]));
  assert.equal(byName.get("sessions")!["bytes"], bytes.get(ids[0]!));
  assert.equal(byName.get("archive-then-sessions")!["items"], 3);
  assert.ok(Number(byName.get("compact-sessions")!["bytes"]) >= 200_000);
  assert.ok(gains.every(({ next }) => String(next).includes(`--home ${home}`)));
});

test("a home whose agh.db cannot be read is reported as far as it can be", async (t) => {
  const { home } = madeHome(t, { sessions: 2, events: 4, seed: 3 });
  fs.writeFileSync(path.join(home, "agh.db"), "this is no database, whatever its name says".repeat(200));
  const { code, stderr, records } = await vacuum(["report"], home);
  assert.equal(code, 3, stderr);
  assert.ok(sum(of(records, "files")) >= sizeBelow(path.join(home, "sessions")));
  assert.ok(of(records, "frees").length > 0);
});

test("--metrics-file has a gauge for each", async (t) => {
  const { home } = madeHome(t, { sessions: 2, events: 4, seed: 3 });
  const file = path.join(tempDir(t), "space.prom");
  const { code, stderr, records } = await vacuum(["report", "--metrics-file", file], home);
  assert.equal(code, 0, stderr);
  const text = fs.readFileSync(file, "utf8");
  const ledgers = of(records, "files").find(({ name }) => name === "ledgers")!;
  assert.match(
    text,
    new RegExp(
      `^agh_space_bytes\\{command="agh-vacuum report",of="files",name="ledgers"\\} ${String(ledgers["bytes"])}$`,
      "m",
    ),
  );
  assert.match(text, /^agh_run_exit_code\{command="agh-vacuum report"\} 0$/m);
});
