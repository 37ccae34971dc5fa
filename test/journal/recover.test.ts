// A killed run is finished by whoever changes the home next, or refused with the way on; nothing new is lost by it.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { recoverRuns } from "../../lib/journal/recover.ts";
import { look, stampOf } from "../../lib/journal/stamps.ts";
import type { Step } from "../../lib/journal/steps.ts";
import { dropRun, findRun, planRunUndo, undoRun } from "../../lib/journal/undo.ts";
import { contents, homeAt, killedRun, killedRun1, testHome, write } from "./bench.ts";

const SESSION = { "sessions/s1/events.db": "one", "sessions/s1/meta.json": "{}", "sessions/s2/events.db": "two" };

/** A removal of s1 to the trash, with its tombstone. */
function removal(root: string): Step[] {
  return [
    {
      do: "move",
      from: "run:tombstones/s1.json",
      to: "home:.agh-toolkit/tombstones/s1.json",
      replace: true,
      group: "s1",
    },
    {
      do: "move",
      from: "home:sessions/s1",
      to: "trash:sessions/s1",
      removes: true,
      seen: look(path.join(root, "sessions/s1"))!,
      group: "s1",
    },
  ];
}

const inRun = (root: string, run: string, name: string): string => path.join(root, ".agh-toolkit/journal", run, name);

test("a run that was killed before its first step is finished, and its directory goes", (t) => {
  const home = testHome(t, SESSION);
  const run = killedRun(home, removal(home.root));
  write(home.root, { [`.agh-toolkit/journal/${run}/tombstones/s1.json`]: "gone" });
  const [recovered] = recoverRuns(home);
  assert.equal(recovered?.run, run);
  assert.deepEqual(contents(home.root), { "sessions/s2/events.db": "two" });
  assert.equal(fs.readFileSync(path.join(home.root, `.agh-toolkit/trash/${run}/sessions/s1/events.db`), "utf8"), "one");
  assert.ok(fs.existsSync(path.join(home.root, ".agh-toolkit/tombstones/s1.json")));
  assert.deepEqual([fs.readdirSync(path.join(home.root, ".agh-toolkit/journal")), recoverRuns(home)], [[], []]);
});

for (const [what, change] of [
  ["new events", (root: string) => fs.appendFileSync(path.join(root, "sessions/s1/events.db"), " more")],
  ["a new file", (root: string) => fs.writeFileSync(path.join(root, "sessions/s1/events.db-wal"), "wal")],
  [
    "a file replaced by one of the same size",
    (root: string) => {
      fs.writeFileSync(path.join(root, "sessions/s1/new"), "ONE");
      fs.renameSync(path.join(root, "sessions/s1/new"), path.join(root, "sessions/s1/events.db"));
    },
  ],
] as const) {
  test(`a session with ${what} since the kill stays, without a tombstone, and is told`, (t) => {
    const home = testHome(t, SESSION);
    const run = killedRun(home, removal(home.root));
    write(home.root, { [`.agh-toolkit/journal/${run}/tombstones/s1.json`]: "gone" });
    // Killed after the tombstone.
    fs.mkdirSync(path.join(home.root, ".agh-toolkit/tombstones"), { recursive: true });
    fs.renameSync(inRun(home.root, run, "tombstones/s1.json"), path.join(home.root, ".agh-toolkit/tombstones/s1.json"));
    change(home.root);
    const before = contents(home.root);
    recoverRuns(home);
    assert.deepEqual(contents(home.root), before);
    assert.ok(!fs.existsSync(path.join(home.root, ".agh-toolkit/tombstones/s1.json")));
    assert.deepEqual(
      home.problems.map(({ code, exit }) => [code, exit]),
      [["E_DROPPED", 3]],
    );
    assert.match(home.problems[0]!.message, /s1 is left as it is/);
  });
}

test("a session that runs again is not removed, even where no file of it has changed", (t) => {
  const made = testHome(t, SESSION);
  const home = homeAt(made.root, { reasonAgainst: (id) => (id === "s1" ? "it is active" : undefined) });
  const run = killedRun(home, removal(home.root));
  write(home.root, { [`.agh-toolkit/journal/${run}/tombstones/s1.json`]: "gone" });
  recoverRuns(home);
  assert.equal(fs.readFileSync(path.join(home.root, "sessions/s1/events.db"), "utf8"), "one");
  assert.match(home.problems[0]!.message, /it is active/);
});

test("a session that was removed and has come to be again is new work: it stays", (t) => {
  const home = testHome(t, SESSION);
  const steps = removal(home.root);
  const run = killedRun(home, steps);
  write(home.root, { [`.agh-toolkit/journal/${run}/tombstones/s1.json`]: "gone" });
  fs.mkdirSync(path.join(home.root, `.agh-toolkit/trash/${run}/sessions`), { recursive: true });
  fs.renameSync(path.join(home.root, "sessions/s1"), path.join(home.root, `.agh-toolkit/trash/${run}/sessions/s1`));
  write(home.root, { "sessions/s1/events.db": "new work" });
  recoverRuns(home);
  assert.equal(fs.readFileSync(path.join(home.root, "sessions/s1/events.db"), "utf8"), "new work");
  assert.equal(fs.readFileSync(path.join(home.root, `.agh-toolkit/trash/${run}/sessions/s1/events.db`), "utf8"), "one");
  assert.equal(home.problems.length, 1);
});

test("a copied home does not obey the journal of the original, and neither is touched; a moved one does", (t) => {
  const home = testHome(t, SESSION);
  killedRun(home, [{ do: "move", from: "home:sessions/s2", to: "trash:sessions/s2", removes: true, group: "s2" }]);
  const copy = path.join(path.dirname(home.root), "copy");
  fs.cpSync(home.root, copy, { recursive: true, preserveTimestamps: true });
  assert.throws(() => recoverRuns(homeAt(copy)), { code: "E_UNFINISHED", exit: 4, message: /is a copy of/ });
  assert.deepEqual([contents(home.root), contents(copy)], [SESSION, SESSION]);
  fs.rmSync(copy, { recursive: true });
  const moved = path.join(path.dirname(home.root), "moved");
  fs.renameSync(home.root, moved);
  assert.equal(recoverRuns(homeAt(moved)).length, 1);
  assert.ok(!fs.existsSync(path.join(moved, "sessions/s2")));
});

test("what cannot be finished is refused with the way on, and set aside when it is abandoned", (t) => {
  const home = testHome(t, SESSION);
  const run = killedRun(home, [], { home: "another home" });
  assert.throws(
    () => recoverRuns(home),
    (error: Error & { hint?: string }) => {
      assert.match(error.message, new RegExp(run));
      assert.match(error.hint ?? "", /--abandon --apply/);
      return true;
    },
  );
  const to = dropRun(home, findRun(home, run))!;
  assert.ok(fs.existsSync(path.join(to, "journal.json")));
  assert.deepEqual(recoverRuns(home), []);
});

test("a planted journal reaches nothing outside the home", (t) => {
  const victim = path.join(path.dirname(testHome(t).root), "victim");
  for (const steps of [
    [{ do: "put", from: "/etc/hostname", to: path.join(victim, "keys") }],
    [{ do: "remove", path: path.join(victim, "sub"), tree: true }],
    [{ do: "aside", path: path.join(victim, "sub"), to: path.join(victim, "elsewhere") }],
  ]) {
    const home = testHome(t, SESSION);
    write(victim, { "sub/f": "precious", keys: "key" });
    killedRun1(home, steps, "agh-vacuum sessions");
    assert.throws(() => recoverRuns(home), { code: "E_UNFINISHED", exit: 4 });
    assert.deepEqual(contents(victim), { "sub/f": "precious", keys: "key" });
  }
  for (const location of [
    "home:../victim/keys",
    "home:sessions/../../victim",
    "elsewhere:x",
    "home:/etc/passwd",
    "home:a//b",
    "home:.",
  ]) {
    const home = testHome(t, SESSION);
    const run = killedRun(home, [{ do: "remove", path: location }]);
    assert.throws(() => recoverRuns(home), { code: "E_UNFINISHED", exit: 4 }, location);
    // No journal is obeyed, and none refuses the home for ever.
    const found = findRun(home, run);
    assert.equal(planRunUndo(home, found, { abandon: true }), undefined);
    dropRun(home, found);
    assert.deepEqual(recoverRuns(home), []);
  }
});

test("a link on the way is not followed, whichever part of the path it is", (t) => {
  for (const link of ["sessions", "sessions/deep", ".agh-toolkit/trash"]) {
    const home = testHome(t, { "other/x": "1" });
    const victim = path.join(path.dirname(home.root), "victim");
    write(victim, { "s1/events.db": "precious", "deep/s1/events.db": "precious" });
    const before = contents(victim);
    const inLink = link === "sessions/deep" ? "home:sessions/deep/s1" : "home:sessions/s1";
    const run = killedRun(home, [{ do: "move", from: inLink, to: "trash:s1", removes: true }]);
    fs.mkdirSync(path.dirname(path.join(home.root, link)), { recursive: true });
    if (link === ".agh-toolkit/trash") write(home.root, { "sessions/s1/events.db": "mine" });
    fs.symlinkSync(victim, path.join(home.root, link));
    assert.throws(() => recoverRuns(home), /cannot be finished: .* is a symbolic link/, `${link} ${run}`);
    assert.deepEqual(contents(victim), before);
    const found = findRun(home, run);
    assert.throws(() => planRunUndo(home, found, { abandon: false }), { code: "E_LINK_IN_PATH", exit: 4 });
    const plan = planRunUndo(home, found, { abandon: true })!;
    assert.deepEqual([plan.steps, plan.leaves], [[], true]);
    if (link === ".agh-toolkit/trash") {
      assert.throws(() => undoRun(home, plan), { code: "E_LINK_IN_PATH", exit: 4 });
    } else {
      undoRun(home, plan);
      assert.deepEqual(recoverRuns(home), []);
    }
    assert.deepEqual(contents(victim), before);
  }
});

test("the toolkit's own directories are no links, and not writable by others", (t) => {
  for (const [name, spoil] of [
    [".agh-toolkit/journal", (dir: string) => fs.chmodSync(dir, 0o777)],
    [
      ".agh-toolkit/journal",
      (dir: string) => {
        fs.renameSync(dir, `${dir}-real`);
        fs.symlinkSync(`${dir}-real`, dir);
      },
    ],
  ] as const) {
    const home = testHome(t, SESSION);
    killedRun(home, [{ do: "remove", path: "home:sessions/s2" }]);
    spoil(path.join(home.root, name));
    assert.throws(() => recoverRuns(home), { code: "E_UNSAFE_STATE", exit: 4 });
    assert.deepEqual(contents(home.root), SESSION);
  }
});

test("format 1: a journal of this home is finished; a session that was changed after it was written stays", (t) => {
  const home = testHome(t, SESSION);
  const toolkit = path.join(home.root, ".agh-toolkit");
  const trash = path.join(toolkit, "trash/01AAAAAAAAAAAAAAAAAAAAAAAA");
  const aside = (id: string) => ({
    do: "aside",
    path: path.join(home.root, "sessions", id),
    to: path.join(trash, "sessions", id),
  });
  const run = killedRun1(home, [aside("s1"), aside("s2")], "agh-vacuum sessions");
  const late = new Date(Date.now() + 60_000);
  fs.utimesSync(inRun(home.root, run, "journal.json"), late, late);
  recoverRuns(home);
  assert.deepEqual(contents(home.root), {});
  assert.equal(fs.readFileSync(path.join(trash, "sessions/s2/events.db"), "utf8"), "two");

  const other = testHome(t, SESSION);
  const second = killedRun1(
    other,
    [
      {
        ...aside("s1"),
        path: path.join(other.root, "sessions/s1"),
        to: path.join(other.root, ".agh-toolkit/trash/x/s1"),
      },
    ],
    "agh-vacuum sessions",
  );
  const early = new Date(Date.now() - 60_000);
  fs.utimesSync(inRun(other.root, second, "journal.json"), early, early);
  recoverRuns(other);
  assert.deepEqual(contents(other.root), SESSION);
  assert.equal(other.problems.length, 1);
});

test("a swap whose file was changed by its owner is dropped; the others are done", (t) => {
  const home = testHome(t, { "a.json": "a", "b.json": "b" });
  killedRun(home, (dir) =>
    ["a", "b"].map((name) => {
      write(dir, { [`new/${name}`]: name.toUpperCase() });
      return {
        do: "swap",
        path: `home:${name}.json`,
        from: stampOf(path.join(home.root, `${name}.json`)),
        to: stampOf(path.join(dir, "new", name)),
        staged: `run:new/${name}`,
        kept: `run:old/${name}`,
        group: name,
      };
    }),
  );
  fs.appendFileSync(path.join(home.root, "a.json"), " changed");
  recoverRuns(home);
  assert.deepEqual(contents(home.root), { "a.json": "a changed", "b.json": "B" });
  assert.equal(home.problems.length, 1);
});
