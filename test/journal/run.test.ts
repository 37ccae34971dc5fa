// A run: staged beside the home, journaled, done; kept where it can be undone; as the owner where we are root elsewhere.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { foreignOwner } from "../../lib/files/as-owner.ts";
import { joinPath } from "../../lib/files/os-path.ts";
import { ulid } from "../../lib/formats/ulid.ts";
import { timeOfDirectory } from "../../lib/journal/directory-times.ts";
import { identityOfHome } from "../../lib/journal/identity.ts";
import { Run } from "../../lib/journal/run.ts";
import { keptRuns } from "../../lib/journal/runs.ts";
import { stampOf } from "../../lib/journal/stamps.ts";
import { findRun, planRunUndo, undoRun } from "../../lib/journal/undo.ts";
import { contents, homeAt, testHome, write, type TestHome } from "./bench.ts";

const planned = (home: TestHome, run: string) => planRunUndo(home, findRun(home, run), { abandon: false })!;

/** Replaces `name` by `content`, kept so that it can be undone. */
function replace(home: TestHome, name: string, content: string): string {
  const file = joinPath(home.root, name);
  const times = { "home:": timeOfDirectory(home.root) };
  using run = Run.begin(home, "agh-toy change", ulid(new Date()));
  const staged = joinPath(run.directory("new"), "1");
  fs.writeFileSync(staged, content);
  const from = stampOf(file);
  const kept = joinPath(run.staging, "old/1");
  const step = {
    do: "swap",
    path: run.locate(file),
    from,
    to: null,
    staged: run.locate(staged),
    kept: run.locate(kept),
  } as const;
  run.commit({ steps: [step], keep: true, times });
  return run.run;
}

test("what is committed is there; what is not leaves nothing", (t) => {
  const home = testHome(t, { a: "1" });
  {
    using run = Run.begin(home, "agh-toy change", ulid(new Date()));
    fs.writeFileSync(joinPath(run.staging, "x"), "x");
  }
  assert.deepEqual(fs.readdirSync(path.join(home.root, ".agh-toolkit/journal")), []);
  replace(home, "a", "2");
  assert.deepEqual(contents(home.root), { a: "2" });
  assert.equal(identityOfHome(home.root)?.path, home.root);
});

test("undo puts back every byte, mode and time", (t) => {
  const home = testHome(t, { a: "1" });
  const file = path.join(home.root, "a");
  fs.chmodSync(file, 0o640);
  fs.utimesSync(file, 1_700_000_000, 1_700_000_000);
  fs.utimesSync(home.root, 1_700_000_000, 1_700_000_000);
  const before = fs.statSync(file, { bigint: true });
  // The home's own time is that from before the toolkit made its directory.
  fs.mkdirSync(path.join(home.root, ".agh-toolkit"), { mode: 0o700 });
  fs.utimesSync(home.root, 1_700_000_000, 1_700_000_000);
  const run = replace(home, "a", "2");
  undoRun(home, planned(home, run));
  const after = fs.statSync(file, { bigint: true });
  assert.deepEqual([after.ino, after.mode, after.mtimeNs], [before.ino, before.mode, before.mtimeNs]);
  assert.equal(fs.statSync(home.root).mtimeMs, 1_700_000_000_000);
  assert.deepEqual([contents(home.root), keptRuns(home.root)], [{ a: "1" }, []]);
  assert.throws(() => findRun(home, run), { code: "E_USAGE", exit: 2 });
});

for (const [what, spoil] of [
  ["gone", (file: string) => fs.rmSync(file)],
  [
    "altered, with the size and time that it had",
    (file: string) => {
      const { mtime } = fs.statSync(file);
      fs.rmSync(file);
      fs.writeFileSync(file, "X");
      fs.utimesSync(file, mtime, mtime);
    },
  ],
] as const) {
  test(`undo looks at what it would put back: a kept file that is ${what} refuses it, and nothing else`, (t) => {
    const home = testHome(t, { a: "1" });
    const run = replace(home, "a", "2");
    spoil(path.join(home.root, ".agh-toolkit/journal", run, "old/1"));
    assert.throws(() => planned(home, run), { code: "E_KEPT_DIFFERS", exit: 4 });
    assert.deepEqual(contents(home.root), { a: "2" });
    replace(home, "a", "3");
    assert.deepEqual(contents(home.root), { a: "3" });
  });
}

test("undo refuses what was changed since", (t) => {
  const home = testHome(t, { a: "1" });
  const run = replace(home, "a", "2");
  fs.appendFileSync(path.join(home.root, "a"), " more");
  assert.throws(() => planned(home, run), { code: "E_DRIFTED", exit: 4 });
});

test("root in another user's home: all that is made is the owner's, and a link of his leads nowhere", (t) => {
  if (process.geteuid?.() !== 0) return void t.skip("needs root");
  const made = testHome(t, { a: "1", "sessions/s1/x": "x" });
  fs.chmodSync(path.dirname(made.root), 0o755);
  for (const entry of ["", "a", "sessions", "sessions/s1", "sessions/s1/x"])
    fs.chownSync(path.join(made.root, entry), 65534, 65534);
  const home = homeAt(made.root, { owner: foreignOwner(made.root) });
  replace(home, "a", "2");
  for (const entry of fs.readdirSync(home.root, { recursive: true, withFileTypes: true })) {
    const stat = fs.lstatSync(path.join(entry.parentPath, entry.name));
    assert.deepEqual([stat.uid, stat.gid], [65534, 65534], path.join(entry.parentPath, entry.name));
  }
  const victim = path.join(path.dirname(home.root), "victim");
  write(victim, { keep: "1" });
  fs.chmodSync(victim, 0o700);
  fs.renameSync(path.join(home.root, "sessions"), path.join(home.root, "real"));
  fs.symlinkSync(victim, path.join(home.root, "sessions"));
  using run = Run.begin(home, "agh-toy change", ulid(new Date()));
  fs.mkdirSync(joinPath(run.staging, "s2"));
  const steps = [{ do: "move", from: "run:s2", to: "home:sessions/s2" }] as const;
  assert.throws(() => run.commit({ steps }), { code: "E_LINK_IN_PATH", exit: 4 });
  assert.deepEqual(fs.readdirSync(victim), ["keep"]);
});
