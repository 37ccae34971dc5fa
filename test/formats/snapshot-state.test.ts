// What a snapshot is worth, by its manifest, the results of drills and deep verifications, and acceptances.
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { listAcceptances, type Acceptance } from "../../lib/formats/repository/acceptance.ts";
import type { DrillResult } from "../../lib/formats/repository/drill-result.ts";
import type { Suspicion } from "../../lib/formats/repository/manifest.ts";
import { Repository } from "../../lib/formats/repository/repository.ts";
import { SnapshotStates, type SnapshotState } from "../../lib/formats/repository/snapshot-state.ts";
import { encodeSealed } from "../../lib/formats/sealed-json.ts";
import { targetOf } from "../../lib/targets/target.ts";
import { tempDir } from "../support/temp.ts";

const time = (day: number): string => new Date(Date.UTC(2026, 10, day)).toISOString();
const ulidOf = (day: number): string => `01K${String(day).padStart(23, "0")}`;

/** `passed 1`, `verify failed 2`, `not run 3`: what, and on which day. */
function result(text: string, snapshot = "s"): DrillResult {
  const [, by, verdict, day] = /^(verify )?(passed|failed|not run) (\d+)$/.exec(text)!;
  return {
    format: 2,
    id: ulidOf(Number(day)),
    snapshot,
    home_id: "h",
    toolkit: "0",
    started_at: time(Number(day)),
    finished_at: time(Number(day)),
    verdict: verdict as DrillResult["verdict"],
    ...(by !== undefined && { by: "verify" as const }),
    counts: {},
    findings: verdict === "failed" ? [{ code: "SEQUENCE_GAP", severity: "error", message: "events are missing" }] : [],
  };
}

const acceptance = (day: number, snapshot = "s"): Acceptance => ({
  format: 1,
  id: ulidOf(day),
  snapshot,
  home_id: "h",
  because: "it was intended",
  accepted_at: time(day),
});

const LOSS: Suspicion = { code: "DATABASE_DESTROYED", message: "agh.db is empty", evidence: {} };

const ROWS: readonly [results: string[], suspect: boolean, accepted: number[], state: SnapshotState][] = [
  [[], false, [], "unproven"],
  [["passed 1"], false, [], "good"],
  [["failed 1"], false, [], "bad"],
  [["passed 1", "failed 2"], false, [], "bad"],
  [["failed 1", "passed 2"], false, [], "good"],
  [["not run 1"], false, [], "unproven"],
  [["passed 1", "not run 2"], false, [], "good"],
  [["failed 1", "not run 2"], false, [], "bad"],
  [["verify passed 1"], false, [], "unproven"],
  [["verify failed 1"], false, [], "bad"],
  [["verify failed 1", "verify passed 2"], false, [], "unproven"],
  [["passed 1", "verify failed 2"], false, [], "bad"],
  [["passed 1", "verify failed 2", "verify passed 3"], false, [], "good"],
  [["passed 1", "verify passed 2"], false, [], "good"],
  [["failed 1", "verify passed 2"], false, [], "bad"],
  [["verify failed 1", "passed 2"], false, [], "good"],
  [["failed 1", "verify failed 2", "verify passed 3"], false, [], "bad"],
  [[], true, [], "suspect"],
  [["passed 1"], true, [], "suspect"],
  [["verify passed 1"], true, [], "suspect"],
  [["failed 1"], true, [], "bad"],
  [["not run 1"], true, [], "suspect"],
  [[], true, [1], "unproven"],
  [["passed 1"], true, [2], "good"],
  [["failed 1"], true, [2], "unproven"],
  [["failed 2"], true, [1], "bad"],
  [["failed 2"], true, [1, 3], "unproven"],
  [["failed 1"], false, [2], "unproven"],
  [["failed 1", "passed 3"], false, [2], "good"],
  [["failed 1", "failed 3"], false, [2], "bad"],
];

test("states by every order of proofs, suspicions and acceptances", () => {
  for (const [results, suspect, accepted, state] of ROWS) {
    const drills = results.map((text) => result(text)).reverse();
    const states = new SnapshotStates(drills, accepted.map((day) => acceptance(day)).reverse());
    const manifest = { id: "s", suspicions: suspect ? [LOSS] : [] };
    const found = states.of(manifest);
    const row = JSON.stringify([results, suspect, accepted]);
    assert.equal(found.state, state, row);
    assert.equal(states.isTrusted(manifest), state === "good" || state === "unproven", row);
    if (!states.isTrusted(manifest)) assert.ok(found.reasons.length > 0, row);
    const passed = results.findLast((text) => text.startsWith("passed"));
    assert.equal(found.provenAt, passed && time(Number(passed.slice(7))), row);
    const other = new SnapshotStates([result("passed 9", "t"), result("failed 8", "u")], [acceptance(9, "t")]);
    assert.equal(other.of(manifest).state, suspect ? "suspect" : "unproven", "results of others say nothing of it");
  }
});

test("results and acceptances that nobody wrote so are problems, and prove nothing", async (t) => {
  const dir = tempDir(t, "states");
  const repo = new Repository(targetOf(dir), { format: 2, id: "", created_at: "", encryption: null });
  for (const name of ["drills", "accepted"]) mkdirSync(join(dir, name));
  const sound = result("passed 1");
  const wrong: readonly (object | string)[] = [
    { ...sound, verdict: "fine" },
    { ...sound, verdict: 1 },
    { ...sound, snapshot: ["s"] },
    { ...sound, findings: null },
    { ...sound, findings: [null] },
    { ...sound, findings: [{ code: 1, severity: "error", message: "m" }] },
    { ...sound, findings: "none" },
    { ...sound, started_at: "soon" },
    { ...sound, finished_at: 7 },
    { ...sound, by: "nobody" },
    { ...sound, id: ulidOf(999) },
    { id: sound.id },
    "",
    "{}",
    "not JSON",
  ];
  for (const [at, content] of wrong.entries()) {
    const id = ulidOf(at + 1);
    const bytes =
      typeof content === "string"
        ? content
        : encodeSealed({
            ...content,
            ...("verdict" in content && "id" in content && content.id === sound.id && { id }),
          }).bytes;
    writeFileSync(join(dir, "drills", `${id}.json`), bytes);
  }
  const acceptances: readonly object[] = [
    { ...acceptance(1), because: undefined },
    { ...acceptance(2), because: 2 },
    { ...acceptance(3), snapshot: null },
    { ...acceptance(4), accepted_at: "never" },
    { ...acceptance(5), id: ulidOf(6) },
  ];
  for (const [at, content] of acceptances.entries())
    writeFileSync(join(dir, "accepted", `${ulidOf(at + 1)}.json`), encodeSealed(content).bytes);
  const problems: string[] = [];
  const states = await SnapshotStates.read(repo, ({ code, exit }) => void problems.push(`${code} ${exit}`));
  assert.deepEqual(Object.groupBy(problems, (each) => each)["E_DRILL_DAMAGED 3"]?.length, wrong.length);
  assert.deepEqual(Object.groupBy(problems, (each) => each)["E_ACCEPTANCE_DAMAGED 3"]?.length, acceptances.length);
  assert.equal(states.damaged, wrong.length + acceptances.length);
  assert.equal(states.of({ id: "s", suspicions: [LOSS] }).state, "suspect");
  for await (const each of listAcceptances(repo, () => undefined)) assert.fail(each.id);
});

test("a file that looks sealed and is no JSON is a damaged one", async (t) => {
  const dir = tempDir(t, "states");
  mkdirSync(join(dir, "drills"));
  const { createHash } = await import("node:crypto");
  const body = '{"id":,';
  const digest = createHash("sha256").update(body).digest("hex");
  writeFileSync(join(dir, "drills", `${ulidOf(1)}.json`), `${body}"digest":"${digest}"}\n`);
  const repo = new Repository(targetOf(dir), { format: 2, id: "", created_at: "", encryption: null });
  const codes: string[] = [];
  await SnapshotStates.read(repo, ({ code }) => void codes.push(code));
  assert.deepEqual(codes, ["E_DRILL_DAMAGED"]);
});

test("what passed on a clock that runs ahead proves nothing until then", async (t) => {
  const dir = tempDir(t, "states");
  mkdirSync(join(dir, "drills"));
  for (const each of [result("failed 2"), result("passed 20")])
    writeFileSync(join(dir, "drills", `${each.id}.json`), encodeSealed(each).bytes);
  const repo = new Repository(targetOf(dir), { format: 2, id: "", created_at: "", encryption: null });
  const stateOn = async (day: number): Promise<string> =>
    (await SnapshotStates.read(repo, () => assert.fail(), new Date(time(day)))).of({ id: "s" }).state;
  assert.deepEqual([await stateOn(10), await stateOn(21)], ["bad", "good"]);
});
