// Homes with something mounted in them: every verb that changes a home does all of it, or nothing, and names the mount.
import assert from "node:assert/strict";
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { tool as archive } from "../../bin/agh-archive.ts";
import { tool as backup } from "../../bin/agh-backup.ts";
import { tool as reconcile } from "../../bin/agh-reconcile.ts";
import { tool as vacuum } from "../../bin/agh-vacuum.ts";
import type { Ran } from "../support/memory.ts";
import { strength } from "../support/strength.ts";
import { tempDir } from "../support/temp.ts";
import { treeDiff, treeState, type TreeState } from "../support/tree.ts";
import {
  canMount,
  isSpoilt,
  isThere,
  mountOn,
  MOUNTS,
  put,
  retire,
  run,
  seal,
  spoil,
  worldIn,
  type MountedWorld,
} from "./mounted-home.ts";

interface Verb {
  /** Bends the home before anything is mounted. */
  readonly before?: (world: MountedWorld) => Promise<void>;
  /** What is run, and then looked at. */
  readonly run: (world: MountedWorld) => Promise<Ran>;
  /** What must hold when all of it was done. */
  readonly done: (world: MountedWorld, ran: Ran, then: TreeState) => void;
}

const VERBS: { readonly [name: string]: Verb } = {
  "restore the home": {
    before: spoil,
    run: ({ home, repo }) =>
      run(backup, "restore", "latest", "--home-id", "h", "--into", home, "--repo", repo, "--apply"),
    done: (world) => {
      for (const id of world.ids) assert.ok(!isSpoilt(world, id) && isThere(world, id), id);
      assert.doesNotMatch(readFileSync(join(world.home, "config.toml"), "utf8"), /# later/);
    },
  },
  "restore a class": {
    before: spoil,
    run: ({ home, repo }) =>
      run(
        backup,
        "restore",
        "latest",
        "--home-id",
        "h",
        "--only",
        "sessions",
        "--into",
        home,
        "--repo",
        repo,
        "--apply",
      ),
    done: (world) => {
      for (const id of world.ids) assert.ok(!isSpoilt(world, id) && isThere(world, id), id);
    },
  },
  "restore a session": {
    before: spoil,
    run: ({ home, repo, ids }) =>
      run(
        backup,
        "restore",
        "latest",
        "--home-id",
        "h",
        "--session",
        ids[0]!,
        "--replace",
        "--into",
        home,
        "--repo",
        repo,
        "--apply",
      ),
    done: (world) => assert.ok(!isSpoilt(world, world.ids[0]!) && isThere(world, world.ids[0]!)),
  },
  "retire for good": {
    before: put,
    run: (world) => retire(world, "--archive", world.archives),
    done: (world) => {
      for (const id of world.ids) assert.ok(!existsSync(join(world.home, "sessions", id)), id);
    },
  },
  "retire to the trash, and back": {
    before: seal,
    run: async (world) => {
      const away = await retire(world, "--require", "sealed");
      if (away.code !== 0) return away;
      for (const id of world.ids) assert.ok(!existsSync(join(world.home, "sessions", id)), id);
      return run(vacuum, "trash", "restore", "--all", "--home", world.home);
    },
    done: (world) => {
      for (const id of world.ids) assert.ok(isThere(world, id), id);
    },
  },
  "empty the trash": {
    before: async (world) => {
      await seal(world);
      await retire(world, "--require", "sealed");
    },
    run: ({ home }) => run(vacuum, "trash", "empty", "--home", home, "--apply"),
    done: ({ home }) => assert.deepEqual(readdirSync(join(home, ".agh-toolkit", "trash")), []),
  },
  compact: {
    run: ({ home, ids }) => run(vacuum, "compact", "agh.db", ...ids, "--home", home, "--apply"),
    done: () => {},
  },
  "get from archives": {
    before: async (world) => {
      await put(world);
      for (const id of world.ids.slice(1)) rmSync(join(world.home, "sessions", id), { recursive: true });
    },
    run: ({ home, archives }) => run(archive, "get", "--all", "--from", archives, "--to", home),
    done: (world) => {
      for (const id of world.ids) assert.ok(isThere(world, id), id);
    },
  },
  "repair, and undo": {
    before: async ({ home, ids }) => {
      for (const id of ids) truncateSync(join(home, "sessions", id, "meta.json"), 10);
    },
    run: async ({ home }) => {
      const made = await run(reconcile, "plan", "--home", home, "--apply");
      if (made.code !== 0) return made;
      return run(reconcile, "undo", String(made.records.at(-1)!["run"]), "--home", home, "--apply");
    },
    done: ({ home, ids }) => {
      for (const id of ids) assert.equal(readFileSync(join(home, "sessions", id, "meta.json")).length, 10);
    },
  },
};

/** Names of the toolkit's own that come with a look. */
const isOwn = (path: string): boolean => /^\.agh-toolkit(?:$|\/(?:lock\.db|home\.json|journal$|trash$))/.test(path);

async function check(t: TestContext, template: MountedWorld, mount: string, verb: string): Promise<void> {
  const dir = tempDir(t, "mounts");
  cpSync(template.dir, join(dir, "world"), { recursive: true, preserveTimestamps: true });
  const at = (path: string): string => join(dir, "world", path);
  const world: MountedWorld = { ...template, dir, home: at("home/.agh"), repo: at("repo"), archives: at("archives") };
  const { before, run: act, done } = VERBS[verb]!;
  const kind = MOUNTS[mount]!;
  const path = kind.at(world);
  await before?.(world);
  if (!existsSync(join(world.home, path)) && !path.startsWith(".agh-toolkit")) return; // it went before
  const unmount = mountOn(world, kind, path);
  try {
    const then = treeState(world.home);
    const ran = await act(world);
    const what = `${verb}, ${mount}: ${ran.code} ${ran.stderr}`;
    const point = join(world.home, path);
    if (ran.code === 0) done(world, ran, then);
    else {
      assert.ok(ran.code === 4 || ran.code === 3, what);
      assert.ok((ran.stderr + ran.stdout).includes(point), what);
      if (ran.code === 4)
        assert.deepEqual(
          treeDiff(then, treeState(world.home), { fields: ["atimeNs", "mtimeNs", "ctimeNs"], paths: isOwn }),
          [],
          what,
        );
    }
    const states = ran.records.filter(({ kind: of }) => of === "action").map(({ state }) => state);
    assert.ok(ran.code === 3 || states.every((state) => state === "done"), what);
    const journal = join(world.home, ".agh-toolkit", "journal");
    const left = existsSync(journal)
      ? readdirSync(journal).filter((name) => existsSync(join(journal, name, "journal.json")))
      : [];
    assert.deepEqual(left, [], what);
    const rests = [...treeState(world.home).keys()].filter((name) => /(?:^|\/)\..*\.agh-toolkit$/.test(name));
    assert.deepEqual(rests, [], what);
  } finally {
    unmount();
  }
}

/** So that each mount meets other verbs than the one before it. */
const isDrawn = (mount: number, verb: number): boolean =>
  ((mount + verb) * strength("mounts a verb", 4)) % Object.keys(MOUNTS).length < strength("mounts a verb", 4);

test("mounts × verbs", async (t) => {
  if (!canMount) return t.skip("needs root, who may mount");
  const template = await worldIn(tempDir(t, "mounts-template"));
  for (const [at, mount] of Object.keys(MOUNTS).entries()) {
    for (const [number, verb] of Object.keys(VERBS).entries()) {
      if (isDrawn(at, number)) await t.test(`${verb}: ${mount}`, (s) => check(s, template, mount, verb));
    }
  }
});
