// Undo of killed runs, step by step: what was moved, inserted and removed goes back, and nothing that is newer is lost.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { executeSteps } from "../../lib/journal/execute.ts";
import type { RowExecutor } from "../../lib/journal/journal-home.ts";
import { recoverRuns } from "../../lib/journal/recover.ts";
import { readJournal } from "../../lib/journal/runs.ts";
import { look, stampOf } from "../../lib/journal/stamps.ts";
import type { Step } from "../../lib/journal/steps.ts";
import { findRun, planRunUndo, undoRun } from "../../lib/journal/undo.ts";
import { contents, homeAt, killedRun, killedRun1, testHome, write, type TestHome } from "./bench.ts";

const SESSIONS = { "sessions/s1/events.db": "one", "sessions/s2/events.db": "two", "ledgers/s1/l.jsonl": "one" };

/** s1 with its ledger to the trash, with a list and a tombstone. */
const removal = (root: string): Step[] => [
  { do: "move", from: "run:trash.json", to: "trash:trash.json", replace: true },
  { do: "move", from: "run:s1.json", to: "home:.agh-toolkit/tombstones/s1.json", replace: true, group: "s1" },
  ...["sessions/s1", "ledgers/s1"].map((at): Step => ({
    do: "move",
    from: `home:${at}`,
    to: `trash:${at}`,
    removes: true,
    seen: look(path.join(root, at))!,
    group: "s1",
  })),
];

function killedAfter(home: TestHome, count: number, steps: (root: string) => readonly Step[]): string {
  const all = steps(home.root);
  const run = killedRun(home, (dir) => {
    write(dir, {
      "trash.json": "list",
      "s1.json": "tombstone",
      "new/s3/events.db": "three",
      "new/s2/events.db": "newer",
    });
    return all;
  });
  const read = readJournal(home, run)!;
  assert.ok("journal" in read);
  executeSteps(home, { ...read.journal, steps: all.slice(0, count) });
  return run;
}

const undo = (home: TestHome, run: string, abandon = false): readonly (readonly [string, string | undefined])[] => {
  const plan = planRunUndo(home, findRun(home, run), { abandon })!;
  undoRun(home, plan);
  return plan.items.map(({ id, reason }) => [path.relative(home.root, id), reason]);
};

const trashOf = (home: TestHome, run: string): { [path: string]: string } => {
  const dir = path.join(home.root, ".agh-toolkit/trash", run);
  return fs.existsSync(dir) ? contents(dir) : {};
};

test("a removal that was killed after any step: all is as it was, and nothing of it is left", (t) => {
  for (let count = 0; count <= 4; count++) {
    const home = testHome(t, SESSIONS);
    const run = killedAfter(home, count, removal);
    undo(home, run);
    assert.deepEqual(contents(home.root), SESSIONS, `after ${count}`);
    assert.deepEqual([trashOf(home, run), recoverRuns(home)], [{}, []]);
    assert.deepEqual(fs.globSync(".agh-toolkit/tombstones/*", { cwd: home.root }), []);
  }
});

test("a session that has come to be again since stays, and so does what was removed, in the trash", (t) => {
  const home = testHome(t, SESSIONS);
  const run = killedAfter(home, 4, removal);
  write(home.root, { "sessions/s1/events.db": "new work" });
  assert.throws(() => undo(home, run), { code: "E_DRIFTED", exit: 4 });
  assert.equal(fs.readFileSync(path.join(home.root, "sessions/s1/events.db"), "utf8"), "new work");
  const items = undo(home, run, true);
  assert.deepEqual(
    items.filter(([, reason]) => reason !== undefined).map(([id]) => id),
    ["sessions/s1"],
  );
  assert.deepEqual(contents(home.root), { ...SESSIONS, "sessions/s1/events.db": "new work" });
  const {
    "journal/journal.json": _,
    "journal/new/s3/events.db": __,
    "journal/new/s2/events.db": ___,
    ...left
  } = trashOf(home, run);
  assert.deepEqual(left, { "trash.json": "list", "sessions/s1/events.db": "one", "journal/s1.json": "tombstone" });
  assert.deepEqual(recoverRuns(home), []);
});

/** s3 comes, and a newer s2 takes the place of the one that is there. */
const installation = (): Step[] => [
  { do: "move", from: "home:sessions/s2", to: "trash:sessions/s2", displace: true, group: "s2" },
  { do: "move", from: "run:new/s2", to: "home:sessions/s2", displace: true, group: "s2" },
  { do: "move", from: "run:new/s3", to: "home:sessions/s3", group: "s3" },
];

test("what a killed run put in its place comes out again, and what was written into it since is kept", (t) => {
  for (let count = 0; count <= 3; count++) {
    const home = testHome(t, SESSIONS);
    const run = killedAfter(home, count, installation);
    if (count > 1) write(home.root, { "sessions/s2/more": "since the kill" });
    undo(home, run);
    assert.deepEqual(contents(home.root), SESSIONS, `after ${count}`);
    assert.deepEqual(recoverRuns(home), []);
    if (count > 1) assert.equal(trashOf(home, run)["journal/new/s2/more"], "since the kill");
  }
});

test("what the trash has lost meanwhile refuses the undo", (t) => {
  const home = testHome(t, SESSIONS);
  const run = killedAfter(home, 4, removal);
  fs.rmSync(path.join(home.root, ".agh-toolkit/trash", run), { recursive: true });
  assert.throws(() => undo(home, run), { code: "E_DRIFTED", exit: 4 });
  undo(home, run, true);
  assert.deepEqual(contents(home.root), { "sessions/s2/events.db": "two" });
  assert.deepEqual(recoverRuns(home), []);
});

/** Rows by session, one line each. */
function rowsOf(rows: Map<string, string>): RowExecutor {
  return {
    insert(files) {
      let inserted = 0;
      for (const line of files.flatMap((file) => fs.readFileSync(file, "utf8").trim().split("\n"))) {
        const [id = "", value = ""] = line.split("=");
        if (rows.has(id)) continue;
        rows.set(id, value);
        inserted++;
      }
      return { inserted, renumbered: 0 };
    },
    remove(sessions, keep) {
      const ids = sessions.map(({ id }) => id).filter((id) => rows.has(id));
      keep?.(
        ids,
        ids.map((id) => `${id}=${rows.get(id)}\n`),
      );
      for (const id of ids) rows.delete(id);
      return { removed: ids, reasons: new Map() };
    },
  };
}

test("rows that were removed are inserted again from the trash; rows that came stay, and that is told", (t) => {
  const made = testHome(t, {});
  const rows = new Map([
    ["r1", "one"],
    ["r2", "two"],
  ]);
  const home = homeAt(made.root, { rows: rowsOf(rows) });
  const sessions = [{ id: "r1", fingerprint: "" }];
  const run = killedAfter(home, 1, () => [{ do: "remove-rows", sessions, keep: true }]);
  assert.deepEqual([...rows.keys()], ["r2"]);
  assert.equal(undo(home, run).length, 1);
  assert.deepEqual([rows.get("r1"), recoverRuns(home)], ["one", []]);

  const next = killedRun(home, (dir) => {
    write(dir, { "rows.jsonl": "r3=three\n" });
    return [{ do: "insert-rows", files: ["run:rows.jsonl"], own_home: true }];
  });
  const plan = planRunUndo(home, findRun(home, next), { abandon: false })!;
  undoRun(home, plan);
  assert.deepEqual([plan.items.length, plan.items[0]!.reason], [1, "rows that the run has added stay"]);
  assert.deepEqual(recoverRuns(home), []);
});

test("a home whose rows cannot be put back is refused, not passed over", (t) => {
  const home = testHome(t, { a: "1" });
  const change = { table: "t", from: { id: "1" }, to: { id: "1", more: 1 } };
  const run = killedRun(home, [], { rows: [change], keep: true });
  assert.throws(() => planRunUndo(home, findRun(home, run), { abandon: false }), { code: "E_CANNOT", exit: 4 });
});

test("format 1: an undo that was killed is finished, by whoever comes next or by itself", (t) => {
  for (const finish of [(home: TestHome) => void recoverRuns(home), undo]) {
    const home = testHome(t, { a: "new", b: "old" });
    const run = killedRun1(
      home,
      (dir) => {
        write(dir, { "old/1-a": "old" });
        const [path1, staged] = [path.join(home.root, "a"), path.join(dir, "old/1-a")];
        return [
          { do: "swap", path: path1, from: stampOf(path1), to: stampOf(staged), staged },
          // Done before the kill.
          { do: "swap", path: path.join(home.root, "b"), from: null, to: stampOf(path.join(home.root, "b")) },
        ];
      },
      "agh-reconcile undo",
    );
    finish(home, run);
    assert.deepEqual(contents(home.root), { a: "old", b: "old" });
    assert.deepEqual(recoverRuns(home), []);
    assert.throws(() => findRun(home, run), { code: "E_USAGE" });
  }
});
