// What the trials of agh-backup share: many small files, so that torture finds many calls, and the figure at the end.
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import type { CrashOutcome } from "../support/crash.ts";

/** Lays `count` small files, each of its own content, into a home. */
export function writeSmallFiles(home: string, count: number): void {
  const dir = join(home, "skills", "many");
  if (count > 0) mkdirSync(dir, { recursive: true });
  for (let number = 0; number < count; number++) writeFileSync(join(dir, `${number}.md`), `# ${number}\n`);
}

/** Says how many runs were killed; with threads a run may end before its point, but most may not. */
export function reportKills(t: TestContext, verb: string, { calls, points, killed }: CrashOutcome): void {
  assert.ok(killed * 2 >= points.length, `${killed} of ${points.length} runs were killed`);
  t.diagnostic(`figure: ${verb} killed at ${killed} of ${points.length} points over ${calls} calls`);
}
