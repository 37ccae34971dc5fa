// kill -9 at any call of a change to agsh's rows: the database is the old one or the new one, and the rerun completes.
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { tool as reconcile } from "../../bin/agh-reconcile.ts";
import { tool as vacuum } from "../../bin/agh-vacuum.ts";
import { makeAgsh, text, user, uuid, type MadeSession } from "../sources/agsh/make-databases.ts";
import { crashPoints } from "../support/crash.ts";
import { PROJECT } from "../support/homes.ts";
import { runHere } from "../support/memory.ts";
import { dumpDatabase } from "../support/sqlite-dump.ts";
import { inTempDir } from "../support/temp.ts";

const POINTS = 12;
const home = (directory: string): string => path.join(directory, "agsh");
const digest = (directory: string): string => dumpDatabase(path.join(home(directory), "sessions.db")).digest;

const SESSIONS: readonly MadeSession[] = [
  { id: uuid(1), lockedBy: "4194305", messages: [user("a"), text("b")] },
  { id: uuid(2), lockedBy: "no pid", messages: [user("c")] },
  { id: uuid(3), row: false, messages: [user("d")] },
  { id: uuid(4), messages: [user("e"), text("f")] },
];

const prepare = (directory: string): void => void makeAgsh(home(directory), { sessions: SESSIONS });
const old = await inTempDir("agsh-old", (directory) => (prepare(directory), digest(directory)));

interface Change {
  readonly what: string;
  readonly face: string;
  readonly args: readonly string[];
}

const CHANGES: readonly Change[] = [
  { what: "agh-reconcile plan --apply", face: "agh-reconcile.ts", args: ["plan", "--apply"] },
  { what: "agh-vacuum sessions --apply", face: "agh-vacuum.ts", args: ["sessions", uuid(1), uuid(4), "--apply"] },
];

for (const { what, face, args } of CHANGES) {
  test(`${what}: whole or not at all`, async () => {
    const tool = face === "agh-vacuum.ts" ? vacuum : reconcile;
    const now = await inTempDir("agsh-new", async (directory) => {
      prepare(directory);
      const ran = await runHere(tool, [...args, "--home", home(directory)]);
      assert.equal(ran.code, 0, ran.stderr);
      return digest(directory);
    });
    assert.notEqual(now, old);
    await crashPoints({
      command: path.join(PROJECT, "bin", face),
      args: (directory) => [...args, "--home", home(directory)],
      prepare,
      points: POINTS,
      check: (directory) => assert.ok([old, now].includes(digest(directory)), "neither old nor new"),
      complete: (directory, { code, stderr }) => {
        // What was selected by name has gone already where the kill came after the deed.
        assert.ok([0, 2, 3].includes(code ?? -1), stderr);
        assert.equal(digest(directory), now);
      },
    });
  });
}

test("undo after a kill amid the run: all is as it was", async () => {
  await crashPoints({
    command: path.join(PROJECT, "bin/agh-reconcile.ts"),
    args: (directory) => ["plan", "--apply", "--home", home(directory)],
    prepare,
    points: 6,
    check: () => undefined,
    complete: async (directory) => {
      const runs = readdirSync(path.join(home(directory), ".agh-toolkit/journal"));
      for (const run of runs.toReversed()) {
        const ran = await runHere(reconcile, ["undo", run, "--apply", "--home", home(directory)]);
        assert.equal(ran.code, 0, ran.stderr);
      }
      assert.equal(digest(directory), old);
    },
  });
});
