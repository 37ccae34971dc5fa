// show: everything about one session, each part a record of its own kind.
import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { tool } from "../../bin/agh-inspect.ts";
import type { AnyRecord } from "../../lib/records/record.ts";
import { realHome } from "../support/homes.ts";
import { runHere } from "../support/memory.ts";
import { queryCopy } from "../support/sqlite-dump.ts";

async function show(home: string, id: string): Promise<readonly AnyRecord[]> {
  const ran = await runHere(tool, ["show", id, "--home", home]);
  assert.equal(ran.code, 0, ran.stderr);
  return ran.records;
}

const counts = (records: readonly AnyRecord[]): { readonly [kind: string]: number } => {
  const of: { [kind: string]: number } = {};
  for (const { kind } of records) of[kind] = (of[kind] ?? 0) + 1;
  return of;
};

test("agh-clean: every session with its files, events by type, ledger, usage and failure", async (t) => {
  const real = realHome(t, "agh-clean");
  if (!real) return;
  const listed = (await runHere(tool, ["sessions", "--home", real.home])).records;
  assert.equal(listed.length, 10);
  const seen: { [kind: string]: number } = {};
  for (const { id } of listed) {
    const records = await show(real.home, String(id));
    for (const [kind, count] of Object.entries(counts(records))) seen[kind] = (seen[kind] ?? 0) + count;
    const [session, ...rest] = records;
    assert.deepEqual([session!.kind, session!["id"]], ["session", id]);
    const rows = queryCopy(
      join(real.home, "sessions", String(id), "events.db"),
      "select type, count(*) as count from events group by type",
    );
    assert.deepEqual(session!["event_types"], Object.fromEntries(rows.map(({ type, count }) => [type, count])));
    for (const { kind, ...record } of rest) {
      if (kind === "path") assert.ok(existsSync(String(record["id"])), "a path is where it is said to be");
      if (kind !== "ledger") continue;
      const bytes = readFileSync(String(record["path"]));
      assert.deepEqual(
        [record["bytes"], record["sha256"], record["lines"]],
        [bytes.length, hash("sha256", bytes), bytes.toString().split("\n").length - 1],
      );
    }
  }
  assert.equal(seen["session"], 10);
  assert.equal(seen["ledger"], 10);
  assert.equal(seen["failure"], 9, "six were cancelled, which show tells too");
});

test("a session that was moved to session-archive shows what lies there", async (t) => {
  const real = realHome(t, "agh-drifted");
  if (!real) return;
  const records = await show(real.home, "1a5b");
  assert.deepEqual(counts(records), { session: 1, path: 7, ledger: 1, failure: 1 });
  assert.ok(records[0]!["event_types"], "its events are read there");
});

test("only a row is left: the session record says so, and nothing fails", async (t) => {
  const real = realHome(t, "agh-clean");
  if (!real) return;
  rmSync(join(real.home, "sessions"), { recursive: true });
  rmSync(join(real.home, "logs"), { recursive: true });
  const [session, ...rest] = await show(real.home, "0e2a0736");
  assert.equal(session!["effective"], "orphaned");
  assert.ok(rest.every(({ kind }) => kind === "failure"));
});

test("a damaged events.db is told (3); the other parts are there", async (t) => {
  const real = realHome(t, "agh-clean");
  if (!real) return;
  const file = join(real.home, "sessions/sess-0e2a07363a40f0c0/events.db");
  const bytes = readFileSync(file);
  writeFileSync(file, Buffer.concat([Buffer.from("no database at all"), bytes.subarray(18)]));
  const ran = await runHere(tool, ["show", "0e2a0736", "--home", real.home]);
  assert.equal(ran.code, 3, ran.stderr);
  assert.match(ran.stderr, /not an SQLite database/);
  const found = counts(ran.records);
  assert.deepEqual([found["session"], found["ledger"], found["failure"], found["error"]], [1, 1, 1, undefined]);
});
