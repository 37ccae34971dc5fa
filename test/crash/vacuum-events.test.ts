// kill -9 at any call of agh-vacuum events --apply: every events.db is the old one or the purged one, the rerun completes.
import assert from "node:assert/strict";
import path from "node:path";
import { test } from "node:test";
import { makeHome } from "../../scripts/make-home/home.ts";
import { crashPoints } from "../support/crash.ts";
import { faultPoints } from "../support/fault.ts";
import { PROJECT } from "../support/homes.ts";
import { strength } from "../support/strength.ts";
import { inTempDir } from "../support/temp.ts";
import { assertTidy, eventsFile, keptIn, rowsIn } from "../vacuum/purge-checks.ts";
import { inspect, NOW, sessionDirs } from "../vacuum/world.ts";
import { reportKills } from "./trial.ts";

const command = path.join(PROJECT, "bin/agh-vacuum.ts");
const home = (directory: string): string => path.join(directory, ".agh");
const args = (directory: string): string[] => ["events", "--apply", "--home", home(directory), "--now", NOW];
const EVENTS = 6;

const prepare = (directory: string): void => void makeHome(home(directory), { sessions: 3, events: EVENTS, seed: 4 });

/** What every reader of events says, wherever they lie. */
async function history(directory: string): Promise<string> {
  const { code, stdout, stderr } = await inspect(["events", "--all"], home(directory));
  assert.equal(code, 0, stderr);
  return stdout.replaceAll(directory, "");
}

const keptOf = (directory: string): unknown[] => sessionDirs(home(directory)).map((id) => keptIn(home(directory), id));

const [whole, kept] = await inTempDir("vacuum-events-reference", async (directory) => {
  prepare(directory);
  return [await history(directory), keptOf(directory)] as const;
});

/** Rows are all there or all gone, the rest is as it was, and the history is whole. */
async function assertOldOrNew(directory: string): Promise<void> {
  for (const id of sessionDirs(home(directory))) {
    assert.ok([0, EVENTS].includes(rowsIn(home(directory), id)), eventsFile(home(directory), id));
  }
  assert.deepEqual(keptOf(directory), kept);
  assert.equal(await history(directory), whole);
}

test("events: old or new, and the rerun completes", { timeout: 600_000 }, async (t) => {
  const outcome = await crashPoints({
    command,
    args,
    prepare,
    check: assertOldOrNew,
    async complete(directory, { code, stderr }) {
      assert.equal(code, 0, stderr);
      for (const id of sessionDirs(home(directory))) assert.equal(rowsIn(home(directory), id), 0);
      assertTidy(home(directory));
      await assertOldOrNew(directory);
    },
    points: strength("crash points", 9),
  });
  reportKills(t, "events", outcome);
});

test("events: a full, failing or read-only disk is an error of its own, old or new", { timeout: 600_000 }, async () => {
  await faultPoints({
    command,
    args,
    prepare,
    async check(directory, { code, stderr }, fault) {
      // Closing what was only read, or removing a scratch copy, does not fail for want of space: the harness invents it.
      const invented = /injected, (?:close|rm)/.test(stderr);
      assert.ok(invented || [0, 3, 5, 6].includes(code ?? -1), `${fault}: ${code} ${stderr}`);
      await assertOldOrNew(directory);
    },
    errors: ["ENOSPC", "EIO", "EROFS"],
    points: 6,
  });
});

test("events: a disk that stays full names the command that frees some", { timeout: 600_000 }, async () => {
  let full = 0;
  await faultPoints({
    command,
    args,
    prepare,
    async check(directory, { code, stderr }, fault) {
      if (code === 6 && /space/.test(stderr)) {
        assert.match(stderr, /agh-vacuum (?:trash empty|report)/, `${fault}: ${stderr}`);
        full++;
      }
      await assertOldOrNew(directory);
    },
    errors: ["ENOSPC"],
    lasting: true,
    points: 8,
  });
  assert.ok(full > 0, "no point met a write of the purge itself");
});
