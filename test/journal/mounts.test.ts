// Homes with something mounted in them: every verb that changes a home does all of it, or nothing, and names the mount.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import {
  appendFileSync,
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
} from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { tool as archive } from "../../bin/agh-archive.ts";
import { tool as backup } from "../../bin/agh-backup.ts";
import { tool as ledger } from "../../bin/agh-ledger.ts";
import { tool as reconcile } from "../../bin/agh-reconcile.ts";
import { tool as vacuum } from "../../bin/agh-vacuum.ts";
import type { Tool } from "../../lib/cli/verb.ts";
import { listMounts } from "../../lib/files/mounts.ts";
import { makeHome } from "../../scripts/make-home/home.ts";
import { countCalls, runLayered, spread } from "../support/crash.ts";
import { PROJECT } from "../support/homes.ts";
import { runHere, type Ran } from "../support/memory.ts";
import { strength } from "../support/strength.ts";
import { tempDir } from "../support/temp.ts";
import { treeDiff, treeState, type TreeState } from "../support/tree.ts";

interface World {
  readonly home: string;
  readonly repo: string;
  readonly archives: string;
  readonly ids: readonly string[];
  /** Room outside of the home. */
  readonly dir: string;
}

interface MountKind {
  readonly at: (world: World) => string;
  readonly kind: "tmpfs" | "bind" | "read-only" | "overlay";
}

const session = ({ ids }: World): string => `sessions/${ids[0]}`;

/** Where something is mounted, and what. */
const MOUNTS: { readonly [name: string]: MountKind } = {
  "tmpfs on sessions": { at: () => "sessions", kind: "tmpfs" },
  "bind on sessions": { at: () => "sessions", kind: "bind" },
  "read-only sessions": { at: () => "sessions", kind: "read-only" },
  "overlay on sessions": { at: () => "sessions", kind: "overlay" },
  "tmpfs on a session": { at: session, kind: "tmpfs" },
  "bind on a session": { at: session, kind: "bind" },
  "bind on agh.db": { at: () => "agh.db", kind: "bind" },
  "bind on an events.db": { at: (world) => `${session(world)}/events.db`, kind: "bind" },
  "bind on a ledger's directory": {
    at: ({ home }) => `sessions/${readdirSync(join(home, "sessions")).find((name) => name.startsWith("ws_"))}`,
    kind: "bind",
  },
  "tmpfs on logs": { at: () => "logs", kind: "tmpfs" },
  "tmpfs on .agh-toolkit": { at: () => ".agh-toolkit", kind: "tmpfs" },
  "bind on the trash": { at: () => ".agh-toolkit/trash", kind: "bind" },
  "overlay on the home": { at: () => "", kind: "overlay" },
};

/** The home with a mount in it, its content as it was; what was mounted is unmounted when the test ends. */
function mountOn({ home, dir }: World, { kind }: MountKind, path: string): () => void {
  const target = join(home, path);
  const copy = join(dir, "lower");
  const sh = (...argv: string[]): void => void execFileSync(argv[0]!, argv.slice(1), { stdio: "pipe" });
  if (path === ".agh-toolkit/trash" || path === ".agh-toolkit") mkdirSync(target, { recursive: true, mode: 0o700 });
  cpSync(target, copy, { recursive: true, preserveTimestamps: true });
  if (kind === "overlay") {
    const room = join(dir, "overlay");
    mkdirSync(room);
    sh("mount", "-t", "tmpfs", "tmpfs", room); // an overlay lies on no overlay
    for (const name of ["upper", "work"]) mkdirSync(join(room, name));
    sh("cp", "-a", copy, join(room, "lower"));
    const layers = `lowerdir=${room}/lower,upperdir=${room}/upper,workdir=${room}/work`;
    sh("mount", "-t", "overlay", "overlay", "-o", layers, target);
    return () => sh("umount", target, room);
  }
  if (kind === "tmpfs") {
    sh("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", target);
    sh("cp", "-a", `${copy}/.`, target);
  } else sh("mount", "--bind", copy, target);
  if (kind === "read-only") sh("mount", "-o", "remount,bind,ro", target);
  return () => sh("umount", target);
}

interface Verb {
  /** Bends the home before anything is mounted. */
  readonly before?: (world: World) => Promise<void>;
  /** What is run, and then looked at. */
  readonly run: (world: World) => Promise<Ran>;
  /** What must hold when all of it was done. */
  readonly done: (world: World, ran: Ran, then: TreeState) => void;
}

const NOW = "2027-01-01T00:00:00Z";
const run = async (tool: Tool, ...argv: string[]): Promise<Ran> => runHere(tool, argv);
const retire = ({ home }: World, ...more: string[]): Promise<Ran> =>
  run(vacuum, "sessions", "--older-than", "0s", "--home", home, "--now", NOW, ...more, "--apply");

const spoil = async ({ home, ids }: World): Promise<void> => {
  for (const id of ids) appendFileSync(join(home, "sessions", id, "meta.json"), " ");
  appendFileSync(join(home, "config.toml"), "# later\n");
};
const put = async ({ home, archives }: World): Promise<void> =>
  assert.equal((await run(archive, "put", "--all", "--home", home, "--to", archives)).code, 0);
const seal = async ({ home }: World): Promise<void> =>
  assert.equal((await run(ledger, "seal", "--all", "--home", home)).code, 0);
const isSpoilt = ({ home }: World, id: string): boolean =>
  readFileSync(join(home, "sessions", id, "meta.json"), "utf8").endsWith(" ");
const isThere = ({ home }: World, id: string): boolean => existsSync(join(home, "sessions", id, "events.db"));

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

async function check(t: TestContext, template: World, mount: string, verb: string): Promise<void> {
  const dir = tempDir(t, "mounts");
  cpSync(template.dir, join(dir, "world"), { recursive: true, preserveTimestamps: true });
  const at = (path: string): string => join(dir, "world", path);
  const world: World = { ...template, dir, home: at("home/.agh"), repo: at("repo"), archives: at("archives") };
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

const canMount =
  process.geteuid?.() === 0 && listMounts().length > 0 && spawnSync("unshare", ["-m", "true"]).status === 0;

/** So that each mount meets other verbs than the one before it. */
const isDrawn = (mount: number, verb: number): boolean =>
  ((mount + verb) * strength("mounts a verb", 4)) % Object.keys(MOUNTS).length < strength("mounts a verb", 4);

async function worldIn(dir: string): Promise<World> {
  const { home, ids } = makeHome(join(dir, "home", ".agh"), { sessions: 2, events: 4 });
  const template: World = { home, ids, dir, repo: join(dir, "repo"), archives: join(dir, "archives") };
  for (const argv of [["init"], ["create", "--home", home, "--home-id", "h"]]) {
    assert.equal((await run(backup, ...argv, "--repo", template.repo)).code, 0);
  }
  return template;
}

test("mounts × verbs", async (t) => {
  if (!canMount) return t.skip("needs root, who may mount");
  const template = await worldIn(tempDir(t, "mounts-template"));
  for (const [at, mount] of Object.keys(MOUNTS).entries()) {
    for (const [number, verb] of Object.keys(VERBS).entries()) {
      if (isDrawn(at, number)) await t.test(`${verb}: ${mount}`, (s) => check(s, template, mount, verb));
    }
  }
});

/** Where the files of a session lie, in the home or in the trash, as digests by their names. */
function copiesOf({ home }: World, id: string): ReadonlyMap<string, string>[] {
  const dirs = globSync([`sessions/${id}`, `.agh-toolkit/trash/*/sessions/${id}`], { cwd: home });
  return dirs.map((dir) => new Map([...treeState(join(home, dir))].map(([name, { content }]) => [name, content])));
}

const KILLED: readonly (readonly [mount: string, script: string, argv: (world: World) => readonly string[]])[] = [
  [
    "tmpfs on sessions",
    "bin/agh-backup.ts",
    ({ home, repo }) => ["restore", "latest", "--home-id", "h", "--into", home, "--repo", repo, "--apply"],
  ],
  [
    "overlay on the home",
    "bin/agh-backup.ts",
    ({ home, repo, ids }) => [
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
    ],
  ],
  [
    "bind on the trash",
    "bin/agh-vacuum.ts",
    ({ home }) => ["sessions", "--older-than", "0s", "--require", "sealed", "--home", home, "--now", NOW, "--apply"],
  ],
];

test("killed amid a move between mounts: the next command finishes it, and every session is whole", async (t) => {
  if (!canMount) return t.skip("needs root, who may mount");
  const dir = tempDir(t, "mounts-killed");
  const template = await worldIn(join(dir, "template"));
  let killed = 0;
  for (const [mount, script, argv] of KILLED) {
    const trial = async (point: number | undefined): Promise<number> => {
      const at = join(dir, "trial");
      cpSync(template.dir, join(at, "world"), { recursive: true, preserveTimestamps: true });
      const world: World = { ...template, dir: at, home: join(at, "world/home/.agh"), repo: join(at, "world/repo") };
      await seal(world);
      await spoil(world);
      const then = new Map(world.ids.map((id) => [id, copiesOf(world, id)[0]!]));
      const unmount = mountOn(world, MOUNTS[mount]!, MOUNTS[mount]!.at(world));
      try {
        const command = join(PROJECT, script);
        if (point === undefined) return (await countCalls(command, argv(world))).count;
        await runLayered(command, argv(world), { CRASH_AT: String(point) });
        if (globSync(".agh-toolkit/journal/*/journal.json", { cwd: world.home }).length > 0) killed++;
        const next = await run(vacuum, "compact", "--home", world.home, "--apply");
        const what = `${script}, ${mount}, killed at ${point}: ${next.stderr}`;
        assert.equal(next.code, 0, what);
        assert.deepEqual(globSync(".agh-toolkit/journal/*", { cwd: world.home }), [], what);
        const rests = [...treeState(world.home).keys()].filter((name) => /(?:^|\/)\..*\.agh-toolkit$/.test(name));
        assert.deepEqual(rests, [], what);
        for (const [id, files] of then) {
          const copies = copiesOf(world, id);
          assert.ok(copies.length > 0, what);
          // As it was, or as the snapshot has it: never a part.
          for (const copy of copies) assert.deepEqual([...copy.keys()], [...files.keys()], what);
          assert.ok(
            copies.every((copy) => copy.get("events.db") === files.get("events.db")),
            what,
          );
        }
        return 0;
      } finally {
        unmount();
        rmSync(at, { recursive: true });
      }
    };
    const calls = await trial(undefined);
    const last = Math.ceil(calls / 2);
    for (const point of spread(last, strength("crash points", 5))) await trial(calls - last + point);
  }
  assert.ok(killed > 3, `${killed} runs were killed with a journal`);
  t.diagnostic(`figure: ${killed} moves between mounts killed and finished`);
});
