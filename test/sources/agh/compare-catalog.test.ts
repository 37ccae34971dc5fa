// The catalog against the directories: what each finding is about, and that agreement is silence.
import assert from "node:assert/strict";
import { renameSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { Finding } from "../../../lib/records/result-kinds.ts";
import { agh } from "../../../lib/sources/agh/agh.ts";
import { madeHome, realHome } from "../../support/homes.ts";
import { assertUntouched, treeState } from "../../support/tree.ts";
import { depsOf, editMeta, homeAt, sql } from "./boot-world.ts";

async function findings(root: string): Promise<Finding[]> {
  const found: Finding[] = [];
  for await (const finding of agh.compare!(homeAt(root), depsOf())) found.push(finding);
  return found;
}

const brief = (found: readonly Finding[]): string[] =>
  found.map(({ id, code, severity }) => `${severity} ${code} ${id ?? "-"}`);

test("homes as AGH left them: only a meta written once more after a crash, as information", async (t) => {
  const real = realHome(t, "agh-clean");
  if (!real) return;
  const before = treeState(real.base);
  assert.deepEqual(brief(await findings(real.home)), ["info ROW_DIFFERS sess-0e2a07363a40f0c0"]);
  assertUntouched(before, treeState(real.base));
});

test("agh-drifted: a directory that was moved is archived, a meta cut short cannot be used", async (t) => {
  const real = realHome(t, "agh-drifted");
  if (!real) return;
  assert.deepEqual(brief(await findings(real.home)), [
    "error META_UNUSABLE sess-3043ee43dfbf4551",
    "info SESSION_ARCHIVED sess-1a5b16097c4002a8",
  ]);
});

test("agh-unbootable: nothing is indexed, and both workspaces are missing, with the directories they had", async (t) => {
  const real = realHome(t, "agh-unbootable");
  if (!real) return;
  const found = await findings(real.home);
  assert.equal(found.filter(({ code }) => code === "SESSION_UNINDEXED").length, 8);
  const missing = found.filter(({ code }) => code === "WORKSPACE_MISSING");
  assert.deepEqual(
    missing.map(({ id, evidence }) => [id, (evidence as { root_dir: string }).root_dir]),
    [
      ["ws_62ad7d3a81837308", "/home/ops/a/projects/docs-site"],
      ["ws_af15ca4552a0488e", "/home/ops/a/projects/checkout-api"],
    ],
  );
});

test("a row without directory, a directory without row, a row that says something else, an id twice", async (t) => {
  const { home, ids } = madeHome(t, { sessions: 4 });
  assert.deepEqual(brief(await findings(home)), []);
  const [removed, unindexed, other, twin] = ids.toSorted() as [string, string, string, string];
  rmSync(join(home, "sessions", removed), { recursive: true });
  sql(join(home, "agh.db"), `PRAGMA foreign_keys = OFF; DELETE FROM sessions WHERE id = '${unindexed}'`);
  editMeta(home, other, { stop_reason: "timeout", name: "renamed" });
  renameSync(join(home, "sessions", twin), join(home, "sessions", "sess-zz"));
  editMeta(home, "sess-zz", { id: other });
  const found = await findings(home);
  assert.deepEqual(brief(found), [
    `warn SESSION_UNINDEXED ${unindexed}`,
    `warn ROW_DIFFERS ${other}`,
    "warn SESSION_TWICE sess-zz",
    `warn SESSION_DIRECTORY_MISSING ${removed}`,
    `warn SESSION_DIRECTORY_MISSING ${twin}`,
  ]);
  const { columns } = found[1]!.evidence as { columns: { [name: string]: { meta: string } } };
  assert.deepEqual(Object.keys(columns).sort(), ["name", "stop_reason"]);
  assert.equal(columns["stop_reason"]?.meta, "timeout");
});

test("a catalog that cannot be read is one finding with its cause", async (t) => {
  const { home } = madeHome(t, { sessions: 2 });
  for (const suffix of ["-wal", "-shm"]) rmSync(join(home, `agh.db${suffix}`), { force: true });
  truncateSync(join(home, "agh.db"));
  assert.deepEqual(
    (await findings(home)).map(({ code, evidence }) => [code, evidence]),
    [["CATALOG_UNREADABLE", { cause: "E_EMPTY_DATABASE" }]],
  );
  writeFileSync(join(home, "agh.db"), "garbage!".repeat(512));
  assert.deepEqual((await findings(home))[0]?.evidence, { cause: "E_NOT_A_DATABASE" });
});
