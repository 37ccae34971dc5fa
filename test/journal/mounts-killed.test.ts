// A move between mounts is killed: the next command finishes it, and every session is whole.
import assert from "node:assert/strict";
import { cpSync, globSync, rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { tool as vacuum } from "../../bin/agh-vacuum.ts";
import { countCalls, runLayered, spread } from "../support/crash.ts";
import { PROJECT } from "../support/homes.ts";
import { strength } from "../support/strength.ts";
import { tempDir } from "../support/temp.ts";
import { treeState } from "../support/tree.ts";
import { canMount, mountOn, MOUNTS, NOW, run, seal, spoil, worldIn, type MountedWorld } from "./mounted-home.ts";

/** Where the files of a session lie, in the home or in the trash, as digests by their names. */
function copiesOf({ home }: MountedWorld, id: string): ReadonlyMap<string, string>[] {
  const dirs = globSync([`sessions/${id}`, `.agh-toolkit/trash/*/sessions/${id}`], { cwd: home });
  return dirs.map((dir) => new Map([...treeState(join(home, dir))].map(([name, { content }]) => [name, content])));
}

const KILLED: readonly (readonly [mount: string, script: string, argv: (world: MountedWorld) => readonly string[]])[] =
  [
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
      const world: MountedWorld = {
        ...template,
        dir: at,
        home: join(at, "world/home/.agh"),
        repo: join(at, "world/repo"),
      };
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
    for (const point of spread(last, strength("mounts a verb", 5))) await trial(calls - last + point);
  }
  assert.ok(killed > 3, `${killed} runs were killed with a journal`);
  t.diagnostic(`figure: ${killed} moves between mounts killed and finished`);
});
