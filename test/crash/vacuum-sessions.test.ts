// kill -9 and a full disk at any call of agh-vacuum sessions and trash: a session is here, or kept elsewhere; the rerun completes.
import assert from "node:assert/strict";
import { existsSync, readdirSync, utimesSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { makeHome } from "../../scripts/make-home/home.ts";
import { tool as ledgerTool } from "../../bin/agh-ledger.ts";
import { reportKills } from "./trial.ts";
import { crashPoints } from "../support/crash.ts";
import { faultPoints } from "../support/fault.ts";
import { PROJECT } from "../support/homes.ts";
import { runHere } from "../support/memory.ts";
import type { RunResult } from "../support/run.ts";
import { strength } from "../support/strength.ts";
import { fileTempDir, inTempDir } from "../support/temp.ts";
import { archive, inspect, NOW, putAll, sessionDirs, stateOf, tombstones, vacuum } from "../vacuum/world.ts";

const command = path.join(PROJECT, "bin/agh-vacuum.ts");
const home = (directory: string): string => path.join(directory, ".agh");
const POINTS = strength("crash points", 8);
/** So many that torture finds a thousand calls. */
const SESSIONS = POINTS > 100 ? 60 : 3;

/** Of every home: its files name them. */
const projects = fileTempDir("crash-projects");

const args =
  (...words: readonly string[]) =>
  (directory: string): string[] => [...words, "--home", home(directory), "--now", NOW];

const made = (directory: string): void =>
  void makeHome(home(directory), { sessions: SESSIONS, events: 6, seed: 4, projects });

async function archived(directory: string): Promise<void> {
  made(directory);
  await putAll(home(directory));
}

async function sealed(directory: string): Promise<void> {
  made(directory);
  assert.equal((await runHere(ledgerTool, ["seal", "--all", "--home", home(directory)])).code, 0);
  const then = new Date(NOW);
  const seals = readdirSync(home(directory), { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith(".seal"),
  );
  for (const seal of seals) utimesSync(path.join(home(directory), seal), then, then);
}

const [whole, wholeSealed] = await inTempDir("vacuum-reference", async (directory) => {
  await archived(path.join(directory, "a"));
  await sealed(path.join(directory, "b"));
  return [stateOf(home(path.join(directory, "a"))), stateOf(home(path.join(directory, "b")))];
});

const linesOf = (state: readonly string[], id: string): string[] => state.filter((line) => line.includes(id));

/** Nothing of a session is lost: whole where it was, or (whole or not) kept elsewhere with a tombstone; listed as one of both. */
async function assertHereOrKept(
  directory: string,
  before: readonly string[],
  isKept: (id: string) => boolean,
): Promise<void> {
  const now = stateOf(home(directory));
  const marked = tombstones(home(directory));
  const listed = (await inspect(["sessions"], home(directory))).records;
  assert.equal(listed.length, SESSIONS);
  for (const { id, effective } of listed as unknown as { id: string; effective: string }[]) {
    const isWhole = linesOf(before, id).join("\n") === linesOf(now, id).join("\n");
    const isOut = marked.includes(`${id}.json`) && isKept(id);
    assert.ok(isWhole || isOut, `${id} is neither here nor kept`);
    assert.ok(["stopped", "archived"].includes(effective), `${id} is ${effective}`);
    assert.ok(existsSync(path.join(home(directory), "sessions", id)) === (effective === "stopped"), id);
  }
}

const inArchive =
  (directory: string) =>
  (id: string): boolean =>
    existsSync(path.join(home(directory), "session-archive", `${id}.receipt.json`));

test("sessions --apply, archived: here or in the archive, and the rerun completes", async (t) => {
  const outcome = await crashPoints({
    command,
    args: args("sessions", "--older-than", "0s", "--apply"),
    prepare: archived,
    check: (directory) => assertHereOrKept(directory, whole, inArchive(directory)),
    async complete(directory, { code, stderr }: RunResult) {
      assert.equal(code, 0, stderr);
      assert.deepEqual([sessionDirs(home(directory)), tombstones(home(directory)).length], [[], SESSIONS]);
      assert.deepEqual(readdirSync(path.join(home(directory), ".agh-toolkit/journal")), []);
      const back = await archive("get", "--all", "--to", home(directory));
      assert.deepEqual([back.code, stateOf(home(directory))], [0, whole], back.stderr);
    },
    points: POINTS,
  });
  reportKills(t, "vacuum sessions, archived", outcome);
});

/** In the trash, or (in the middle of a run that the next one ends) in its journal's hands. */
const inTrash =
  (directory: string) =>
  (id: string): boolean =>
    readdirSync(path.join(home(directory), ".agh-toolkit/trash"), { recursive: true, encoding: "utf8" }).some((name) =>
      name.endsWith(`sessions/${id}/meta.json`),
    );

test("sessions --apply, sealed only: here or in the trash, and the rerun completes", async (t) => {
  const outcome = await crashPoints({
    command,
    args: args("sessions", "--older-than", "0s", "--require", "sealed", "--apply"),
    prepare: sealed,
    check: (directory) => assertHereOrKept(directory, wholeSealed, inTrash(directory)),
    async complete(directory, { code, stderr }) {
      assert.equal(code, 0, stderr);
      assert.deepEqual([sessionDirs(home(directory)), tombstones(home(directory)).length], [[], SESSIONS]);
      const back = await vacuum(["trash", "restore", "--all"], home(directory));
      assert.deepEqual([back.code, stateOf(home(directory))], [0, wholeSealed], back.stderr);
    },
    points: POINTS,
  });
  reportKills(t, "vacuum sessions, sealed", outcome);
});

async function inTheTrash(directory: string): Promise<void> {
  await sealed(directory);
  const done = await vacuum(["sessions", "--older-than", "0s", "--require", "sealed", "--apply"], home(directory));
  assert.deepEqual([done.code, sessionDirs(home(directory))], [0, []], done.stderr);
}

test("trash restore: here or in the trash, and the rerun completes", async (t) => {
  const outcome = await crashPoints({
    command,
    args: args("trash", "restore", "--all"),
    prepare: inTheTrash,
    async check(directory) {
      const now = stateOf(home(directory));
      for (const { id } of (await inspect(["sessions"], home(directory))).records as unknown as { id: string }[]) {
        const isHere = existsSync(path.join(home(directory), "sessions", id));
        assert.ok(isHere !== inTrash(directory)(id), `${id} is here and in the trash, or in neither`);
        if (isHere)
          assert.ok(
            linesOf(wholeSealed, id).every(
              (line) => now.includes(line) || line.includes("ledger") || line.includes(`/${id} directory`),
            ),
          );
      }
    },
    complete(directory, { code, stderr }) {
      assert.equal(code, 0, stderr);
      assert.deepEqual([stateOf(home(directory)), tombstones(home(directory))], [wholeSealed, []]);
    },
    points: POINTS,
  });
  reportKills(t, "vacuum trash restore", outcome);
});

test("trash empty --apply: what is left can be restored whole or not at all, and the rerun completes", async (t) => {
  const outcome = await crashPoints({
    command,
    args: args("trash", "empty", "--apply"),
    prepare: inTheTrash,
    async check(directory) {
      const back = await vacuum(["trash", "restore", "--all", "--dry-run"], home(directory));
      const { items } = back.records.at(-1) as unknown as { items: number };
      assert.ok(back.code === 0 && (items === SESSIONS || items === 0), back.stderr);
    },
    complete(directory, { code, stderr }) {
      assert.equal(code, 0, stderr);
      assert.deepEqual(readdirSync(path.join(home(directory), ".agh-toolkit/trash")), []);
    },
    points: POINTS,
  });
  reportKills(t, "vacuum trash empty", outcome);
});

for (const lasting of [false, true]) {
  test(`a ${lasting ? "disk that stays full" : "full, failing or read-only disk"}: an error of its own, nothing lost, and the next run ends it`, async () => {
    await faultPoints({
      command,
      args: args("sessions", "--older-than", "0s", "--apply"),
      prepare: archived,
      async check(directory, { code, stderr }, fault) {
        // Closing what was only read, or removing a scratch copy, does not fail for want of space: the harness invents it.
        const invented = /injected, (?:close|rm)/.test(stderr);
        assert.ok(invented || [0, 3, 5, 6].includes(code ?? -1), `${fault}: ${code} ${stderr}`);
        if (code === 6 && /no space left/.test(stderr)) assert.match(stderr, /agh-vacuum trash empty --apply/, fault);
        await assertHereOrKept(directory, whole, inArchive(directory));
        const again = await vacuum(["sessions", "--older-than", "0s", "--apply"], home(directory));
        assert.deepEqual([again.code, sessionDirs(home(directory))], [0, []], again.stderr);
      },
      errors: lasting ? ["ENOSPC"] : ["ENOSPC", "EIO", "EROFS"],
      lasting,
      points: lasting ? 6 : 3,
    });
  });
}

test("trash restore on a full, failing or read-only disk: nothing lost, and the next run ends it", async () => {
  await faultPoints({
    command,
    args: args("trash", "restore", "--all"),
    prepare: inTheTrash,
    async check(directory, { code, stderr }, fault) {
      const invented = /injected, (?:close|rm)/.test(stderr);
      assert.ok(invented || [0, 3, 5, 6].includes(code ?? -1), `${fault}: ${code} ${stderr}`);
      const again = await vacuum(["trash", "restore", "--all"], home(directory));
      assert.deepEqual([again.code, stateOf(home(directory))], [0, wholeSealed], again.stderr);
      assert.deepEqual(tombstones(home(directory)), []);
    },
    errors: ["ENOSPC", "EIO", "EROFS"],
    points: 2,
  });
});
