// agh-vacuum events: what keeps a session's rows where they are.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { tool as ledgerTool } from "../../bin/agh-ledger.ts";
import { madeHome } from "../support/homes.ts";
import { runHere } from "../support/memory.ts";
import { tempDir } from "../support/temp.ts";
import { assertSameOutput, change, eventsFile, leftIn, rowsIn, readerOutput } from "./purge-checks.ts";
import { actions, editMeta, idsOf, vacuum } from "./world.ts";

const ledgerOf = (home: string, id: string): string => {
  const { workspace_id } = JSON.parse(fs.readFileSync(path.join(home, "sessions", id, "meta.json"), "utf8")) as {
    workspace_id: string;
  };
  return path.join(home, "sessions", workspace_id, id, "ledger.jsonl");
};

/** What keeps a session's rows, by what is done to it. */
const KEPT: readonly (readonly [name: string, why: RegExp, bend: (home: string, id: string) => void])[] = [
  ["no ledger", /agh-ledger write/, (home, id) => fs.rmSync(ledgerOf(home, id))],
  [
    "a ledger that differs",
    /differs/,
    (home, id) => bendLedger(home, id, (text) => text.replace('"sequence":2,', '"sequence":3,')),
  ],
  ["an event after the ledger", /appended/, (home, id) => change(eventsFile(home, id), LATE)],
  ["content that the ledger cannot give back", /byte for byte/, plainContent],
  ["a state that claims life", /active/, (home, id) => editMeta(home, id, (meta) => (meta["state"] = "active"))],
  [
    "a time from the future",
    /future/,
    (home, id) => editMeta(home, id, (meta) => (meta["updated_at"] = "9999-01-01T00:00:00Z")),
  ],
  [
    "no row in the catalog",
    /unindexed/,
    (home, id) => change(path.join(home, "agh.db"), `PRAGMA foreign_keys=OFF; DELETE FROM sessions WHERE id = '${id}'`),
  ],
  [
    "a damaged events.db aside",
    /moved a damaged/,
    (home, id) => fs.writeFileSync(`${eventsFile(home, id)}.corrupt.20261121T080233.315520945Z`, "x"),
  ],
  [
    "a schema change that AGH does not know",
    /99/,
    (home, id) => change(eventsFile(home, id), "INSERT INTO schema_migrations VALUES (99, 'later', 'x', 'y')"),
  ],
  ["a turn that AGH has yet to repair", /repair/, brokenOff],
];
const LATE =
  "INSERT INTO events VALUES ('ev-late', 999, 'turn-late', 'error', 'coder', '{}', '2026-10-01T00:00:00.000000000Z')";

function bendLedger(home: string, id: string, bend: (text: string) => string): void {
  const file = ledgerOf(home, id);
  const text = fs.readFileSync(file, "utf8");
  assert.notEqual(bend(text), text);
  fs.chmodSync(file, 0o644);
  fs.writeFileSync(file, bend(text));
}

/** Text that is no JSON stands in the ledger as a JSON string: which of the two it was nobody could tell. */
function plainContent(home: string, id: string): void {
  change(eventsFile(home, id), "UPDATE events SET content = 'plain' WHERE sequence = 2");
  const lines = fs.readFileSync(ledgerOf(home, id), "utf8").split("\n");
  const at = lines.findIndex((line) => line.includes('"sequence":2,'));
  bendLedger(home, id, (text) =>
    text.replace(lines[at]!, lines[at]!.replace(/"content":\{.*\},"timestamp"/, '"content":"plain","timestamp"')),
  );
}

/** Crashed, and without the end of its last prompt; the ledger says the same. */
function brokenOff(home: string, id: string): void {
  editMeta(home, id, (meta) => Object.assign(meta, { stop_reason: "agent_crashed" }));
  const db = new DatabaseSync(eventsFile(home, id));
  db.exec("DELETE FROM events WHERE sequence > 2");
  db.exec(
    "UPDATE events SET type = 'user_message', turn_id = 'turn-1', content = '{\"type\":\"user_message\"}' WHERE sequence = 2",
  );
  db.close();
  fs.rmSync(ledgerOf(home, id));
}

test("ledgers that config.toml puts elsewhere are gone on from as well", async (t) => {
  const { home, ids } = madeHome(t, { sessions: 2, events: 8, seed: 11 });
  const elsewhere = tempDir(t);
  for (const name of fs.readdirSync(path.join(home, "sessions")).filter((one) => one.startsWith("ws_"))) {
    fs.cpSync(path.join(home, "sessions", name), path.join(elsewhere, name), {
      recursive: true,
      preserveTimestamps: true,
    });
    fs.rmSync(path.join(home, "sessions", name), { recursive: true });
  }
  fs.writeFileSync(path.join(home, "config.toml"), `[memory.session]\nledger_root = ${JSON.stringify(elsewhere)}\n`);
  const before = await readerOutput(home);
  const purge = await vacuum(["events", "--apply"], home);
  assert.deepEqual(idsOf(actions(purge, "done")), [...ids].sort(), purge.stderr);
  assertSameOutput(before, await readerOutput(home));
});

test("what must stay stays, and is told: in the summary, and where it was named as a record (3)", async (t) => {
  for (const [name, why, bend] of KEPT) {
    const { home, ids } = madeHome(t, { sessions: 2, events: 8, seed: 4 });
    const [bent, other] = ids as [string, string];
    bend(home, bent);
    if (bend === brokenOff) assert.equal((await runHere(ledgerTool, ["write", bent, "--home", home])).code, 0);
    const rows = rowsIn(home, bent);
    const all = await vacuum(["events", "--apply"], home);
    assert.equal(all.code, 0, `${name}: ${all.stderr}`);
    assert.deepEqual(idsOf(actions(all, "done")), [other], name);
    assert.match(leftIn(all)[bent]!, why, name);
    const named = await vacuum(["events", bent, "--apply"], home);
    assert.equal(named.code, 3, name);
    assert.match(String(actions(named, "skipped")[0]!["reason"]), why, name);
    assert.equal(rowsIn(home, bent), rows, name);
  }
});
