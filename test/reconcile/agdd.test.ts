// agh-reconcile over AGDD projects: what is found, and the index made anew.
import assert from "node:assert/strict";
import { appendFileSync, cpSync, mkdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { tool } from "../../bin/agh-reconcile.ts";
import type { AnyRecord } from "../../lib/records/record.ts";
import { indexFault, inStorage, madeProject, putRuns, realProject } from "../support/agdd.ts";
import { runHere, type Ran } from "../support/memory.ts";
import { assertUntouched, treeState } from "../support/tree.ts";

const NOW = "2026-11-21T12:00:00Z";

const reconcile = (root: string, ...argv: readonly string[]): Promise<Ran> =>
  runHere(tool, [...argv, "--home", root, "--now", NOW], { env: { HOME: "/nowhere" } });

async function findings(root: string, ...argv: readonly string[]): Promise<AnyRecord[]> {
  const { records } = await reconcile(root, "check", ...argv);
  return records.filter(({ kind }) => kind === "finding");
}

const codes = (found: readonly AnyRecord[]): string[] => [...new Set(found.map(({ code }) => String(code)))].sort();

/** As `agdd data vacuum` does it. */
const vacuumAsAgdd = (root: string): void =>
  inStorage(root, (db) => db.exec("DELETE FROM runs WHERE started_at < '2026-11-14T00:00:00+00:00'"));

test("a real home: what is worth knowing, nothing that is wrong, and no trace", async (t) => {
  const root = realProject(t);
  if (root === undefined) return;
  const before = treeState(root);
  const ran = await reconcile(root, "check", "--level", "deep", "--fail-on", "warn");
  assert.equal(ran.code, 0, ran.stderr);
  assert.deepEqual(codes(ran.records.filter(({ kind }) => kind === "finding")), [
    "RUN_NOT_IMPORTED",
    "RUN_STALE",
    "RUN_UNFINISHED",
  ]);
  assertUntouched(before, treeState(root));
});

test("ghosts that AGDD's own vacuum leaves in the index are found by rank 1 alone, and the index made anew", async (t) => {
  const root = realProject(t);
  if (root === undefined) return;
  vacuumAsAgdd(root);
  assert.equal(
    inStorage(root, (db) => db.prepare("PRAGMA integrity_check").get()!["integrity_check"]),
    "ok",
  );
  assert.deepEqual(
    codes(await findings(root, "--level", "quick", "--code", "index_ghosts")),
    [],
    "a quick check does not look",
  );
  const [ghosts] = await findings(root, "--code", "index_ghosts");
  assert.equal(ghosts!["severity"], "warn");
  const before = treeState(root);
  const plan = await reconcile(root, "plan");
  assert.deepEqual(
    plan.records.map(({ verb }) => verb),
    ["rebuild-index", undefined],
  );
  assertUntouched(before, treeState(root));
  const applied = await reconcile(root, "plan", "--apply");
  assert.equal(applied.code, 0, applied.stderr);
  assert.equal(indexFault(root), null);
  assert.deepEqual(await findings(root, "--code", "index_ghosts"), []);
});

test("events and children without their run, half an import, stamps that sort wrongly, runs long silent", async (t) => {
  const { root, storage } = madeProject(t);
  putRuns(root, [
    { id: "mag-parent00", started: "2026-10-01T00:00:00+00:00" },
    {
      id: "sag-child000",
      parent: "mag-parent00",
      started: "2026-10-01T00:00:00+00:00",
      events: ["2026-10-02T23:30:00-05:00", "2026-10-01T00:00:00Z"],
    },
    { id: "mag-gone0000", started: "2026-10-01T00:00:00+00:00", events: ["2026-10-01T00:00:00+00:00"] },
    { id: "mag-silent00", started: "2026-10-01T00:00:00+00:00", status: "running" },
    {
      id: "mag-half0000",
      started: "2026-10-01T00:00:00+00:00",
      status: "failed",
      events: ["2026-10-01T00:00:00+00:00"],
    },
  ]);
  const db = new DatabaseSync(storage);
  db.exec("PRAGMA foreign_keys=OFF; DELETE FROM runs WHERE run_id IN ('mag-parent00', 'mag-gone0000')");
  db.close();
  const dir = join(root, ".runs/agents/mag-half0000");
  mkdirSync(dir, { recursive: true });
  const line = '{"run_id": "mag-half0000", "event": "error", "timestamp": 1790812800.5, "data": {}}\n';
  writeFileSync(join(dir, "logs.jsonl"), `${line.repeat(3)}{"torn`);
  writeFileSync(join(dir, "summary.json"), "{");
  writeFileSync(join(dir, "tmpab12cd34"), "");
  const found = await findings(root);
  assert.deepEqual(codes(found), [
    "EVENT_ORPHAN",
    "RUN_FILE_BROKEN",
    "RUN_HALF_IMPORTED",
    "RUN_PARENT_MISSING",
    "RUN_STALE",
    "RUN_UNFINISHED",
    "STAMP_UNSORTABLE",
    "TEMP_LEFT",
  ]);
  const by = (code: string): AnyRecord => found.find((one) => one["code"] === code)!;
  assert.equal(by("EVENT_ORPHAN")["id"], "mag-gone0000");
  assert.equal(by("RUN_PARENT_MISSING")["id"], "sag-child000");
  assert.deepEqual(by("RUN_HALF_IMPORTED")["evidence"], { events: 1, lines: 3 });
  assert.equal((by("STAMP_UNSORTABLE")["evidence"] as AnyRecord)["count"], 2);
});

test("costs.db behind the ledger, ahead of it, and torn lines", async (t) => {
  const root = realProject(t);
  if (root === undefined) return;
  const ledger = join(root, ".runs/costs/costs.jsonl");
  const line =
    '{"timestamp": "2026-11-20T10:00:00+00:00", "model": "m", "input_tokens": 1, "output_tokens": 2, "total_tokens": 3, "cost_usd": 0.5, "run_id": null, "step": null, "agent": null, "metadata": {}}\n';
  appendFileSync(ledger, line + line + line.slice(0, 40));
  const behind = await findings(root, "--code", "costs_behind,costs_ahead,costs_torn");
  assert.deepEqual(
    behind.map(({ code, evidence }) => [code, (evidence as AnyRecord)["behind"] ?? (evidence as AnyRecord)["torn"]]),
    [
      ["COSTS_TORN", 1],
      ["COSTS_BEHIND", 2],
    ],
  );
  truncateSync(ledger, 700);
  assert.ok(codes(await findings(root)).includes("COSTS_AHEAD"));
  rmSync(ledger);
  assert.deepEqual(codes(await findings(root, "--code", "costs_behind,costs_ahead,costs_torn")), []);
});

test("settings that AGDD does not take, an index that is not there, a database that is none", async (t) => {
  const { root, storage } = madeProject(t, { runs: 2, fts: false });
  writeFileSync(join(root, ".env"), "AGDD_STORAGE_ENABLE_FTS=sometimes\n");
  assert.deepEqual(codes(await findings(root)), ["INDEX_MISSING", "SETTING_BAD"]);
  const copy = `${storage}.before`;
  cpSync(storage, copy);
  writeFileSync(storage, Buffer.alloc(8192, 7));
  const broken = await reconcile(root, "check");
  assert.equal(broken.code, 1);
  assert.ok(codes(broken.records.filter(({ kind }) => kind === "finding")).includes("STORAGE_CORRUPT"));
});
