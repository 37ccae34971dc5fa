// The bench frame measures what it says: time, CPU and memory of a whole process tree, ratio, verdict, skips.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import test from "node:test";
import type { BenchComparison } from "../../scripts/bench/frame.ts";
import { compare, describe } from "../../scripts/bench/frame.ts";
import { evict, measure, peakMiB } from "../../scripts/bench/measure.ts";
import { tempDir } from "../support/temp.ts";

const NODE = `'${process.execPath}'`;
// So much CPU, however long a busy machine takes to give it.
const BUSY = `${NODE} -e 'while (process.cpuUsage().user < 150000);'`;
const SLEEP: BenchComparison = {
  name: "P0",
  what: "naps",
  runs: 3,
  target: { text: "≤ 0.5 ×", most: 0.5 },
  anchor: { name: "long", command: "sleep 0.2" },
  ours: { name: "short", command: "sleep 0.05" },
};

test("wall time without CPU, and the CPU of grandchildren, are told apart", () => {
  const nap = measure("sleep 0.2");
  assert.ok(nap.wall >= 0.2 && nap.cpu < 0.1);
  assert.ok(measure(`bash -c "${BUSY.replaceAll('"', '\\"')}; true"`).cpu >= 0.1);
});

test("a failing command is an error, not a fast run", () => {
  assert.throws(() => measure("echo why >&2; false"), /exit 1: why/);
});

test("peak memory is the largest process's", (t) => {
  const peak = peakMiB(`${NODE} -e 'Buffer.alloc(200 << 20, 1)'`);
  if (peak === undefined) t.skip("no GNU time");
  else assert.ok(peak > 200 && peak < 400);
});

test("the ratio decides, both ways", () => {
  const good = compare(SLEEP);
  assert.equal(good.verdict, "ok");
  assert.match(describe(good), /^P0 {3}naps: long 0\.2.* short 0\.05?.* wall ratio 0\.\d+ \(≤ 0\.5 ×\) ok$/);
  const bad = compare({ ...SLEEP, ours: SLEEP.anchor, anchor: SLEEP.ours });
  assert.equal(bad.verdict, "short");
  assert.match(describe(bad), /SHORT of ≤ 0\.5 ×$/);
});

test("an anchor that is not installed is named as skipped", () => {
  const outcome = compare({ ...SLEEP, anchor: { name: "none", command: "false", needs: "no-such-program" } });
  assert.match(describe(outcome), /skipped, not installed: no-such-program/);
});

test("evict leaves the files as they are", (t) => {
  const file = path.join(tempDir(t), "with a space");
  fs.writeFileSync(file, "kept");
  evict(path.dirname(file));
  assert.equal(fs.readFileSync(file, "utf8"), "kept");
});
