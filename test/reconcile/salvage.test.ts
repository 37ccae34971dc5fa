// agh-reconcile salvage as it is typed: records, exit codes, rows as JSON Lines, and nothing left where it fails.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test, type TestContext } from "node:test";
import { tool } from "../../bin/agh-reconcile.ts";
import { madeHome } from "../support/homes.ts";
import { runHere, type Ran } from "../support/memory.ts";
import { tempDir } from "../support/temp.ts";

const salvage = (...args: string[]): Promise<Ran> => runHere(tool, ["salvage", ...args, "--json"], { env: {} });

function events(t: TestContext, count: number): { file: string; out: string } {
  const { home, ids } = madeHome(t, { sessions: 1, events: count });
  return { file: path.join(home, "sessions", ids[0]!, "events.db"), out: path.join(tempDir(t), "new.db") };
}

const ofTable = ({ records }: Ran, table: string): Record<string, unknown> | undefined =>
  records.find((one) => one.kind === "salvage" && one["table"] === table);

/** The first leaf of `events` becomes zeros. */
function loseLeaf(file: string): void {
  const db = new DatabaseSync(file, { readOnly: true });
  const root = Number(db.prepare("SELECT rootpage FROM sqlite_schema WHERE name = 'events'").get()?.["rootpage"]);
  db.close();
  const bytes = fs.readFileSync(file);
  const page = bytes.subarray((root - 1) * 4096, root * 4096);
  const leaf = page.readUInt32BE(page.readUInt16BE(12));
  bytes.fill(0, (leaf - 1) * 4096, leaf * 4096);
  fs.writeFileSync(file, bytes);
}

test("all that was expected is there: 0, a record a table, a sound database", async (t) => {
  const { file, out } = events(t, 120);
  const ran = await salvage(file, "--out", out);
  assert.equal(ran.code, 0, ran.stderr);
  const { kind, runtime, home, whole, expected, share, complete } = ofTable(ran, "events")!;
  assert.deepEqual(
    [kind, runtime, home, whole, expected, share, complete],
    ["salvage", "agh", `sqlite:${file}`, 120, 120, 1, true],
  );
  assert.deepEqual(
    ran.records.map((one) => one.kind),
    ["salvage", "salvage", "salvage", "salvage", "summary"],
  );
  assert.ok(fs.existsSync(out));
});

test("a lost page: 1, the gap by its numbers, a finding, the rest in the new database", async (t) => {
  const { file, out } = events(t, 300);
  loseLeaf(file);
  const ran = await salvage(file, "--out", out);
  assert.equal(ran.code, 1, ran.stderr);
  const { whole, expected, gaps, complete } = ofTable(ran, "events") as {
    whole: number;
    expected: number;
    gaps: { from: number; to: number }[];
    complete: boolean;
  };
  assert.deepEqual([expected, complete, gaps.length, gaps[0]!.from], [300, false, 1, 1]);
  assert.equal(whole, 300 - gaps[0]!.to);
  const finding = ran.records.find((one) => one.kind === "finding");
  assert.deepEqual([finding?.["code"], finding?.["severity"]], ["PAGES_LOST", "warn"]);
});

test("--as jsonl: a row record for each row with its state, secrets masked, and no file anywhere", async (t) => {
  const { file } = events(t, 40);
  const ran = await salvage(file, "--as", "jsonl");
  assert.equal(ran.code, 0, ran.stderr);
  const rows = ran.records.filter((one) => one.kind === "row" && one["table"] === "events");
  assert.equal(rows.length, 40);
  const [first] = rows as unknown as { id: string; runtime: string; state: string; values: { sequence: number } }[];
  assert.deepEqual([first!.id, first!.runtime, first!.state, first!.values.sequence], ["events/1", "agh", "whole", 1]);

  const catalog = path.join(path.dirname(file), "../../agh.db");
  const db = new DatabaseSync(`file:${catalog}?immutable=1`, { readOnly: true });
  const secret = String(db.prepare("SELECT encrypted_value FROM vault_secrets LIMIT 1").get()!["encrypted_value"]);
  db.close();
  const { stdout } = await salvage(catalog, "--as", "jsonl");
  assert.ok(stdout.includes('"table":"vault_secrets"') && !stdout.includes(secret) && secret.length > 20);
});

test("usage, what is in the way, what is no database: 2, 4, 6, and nothing is made", async (t) => {
  const { file, out } = events(t, 10);
  const text = path.join(tempDir(t), "text");
  fs.writeFileSync(text, "none\n".repeat(9999));
  for (const [args, code] of [
    [[file], 2],
    [[file, "--out", out, "--as", "jsonl"], 2],
    [[file, "--out", text], 4],
    [[text, "--out", out], 6],
    [[`${file}.none`, "--out", out], 6],
    [[file, "--out", path.join(out, "in", "nothing")], 6],
  ] as const) {
    const ran = await salvage(...args);
    assert.equal(ran.code, code, `${args.join(" ")}: ${ran.stderr}`);
  }
  assert.deepEqual(fs.readdirSync(path.dirname(out)), []);
  assert.deepEqual(fs.readdirSync(path.dirname(file)).sort(), ["events.db", "meta.json"]);
});
