// Root restores into another user's home: all that is made there is that user's, and a link that leads out is not followed.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  chmodSync,
  cpSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { tool as archive } from "../../bin/agh-archive.ts";
import { tool as vacuum } from "../../bin/agh-vacuum.ts";
import { madeHome } from "../support/homes.ts";
import { runHere, type Ran } from "../support/memory.ts";
import { treeDigest } from "../support/tree.ts";
import { bench } from "./tool.ts";

const NOBODY = "65534:65534";

const foreign = (home: string): string => execFileSync("find", [home, "!", "-uid", "65534"], { encoding: "utf8" });

test("the whole home, a class and a session, as root in another user's home", async (t) => {
  if (process.geteuid?.() !== 0) return t.skip("needs root");
  const { home, ids } = madeHome(t, { sessions: 2, events: 4 });
  chmodSync(dirname(home), 0o755);
  const repo = await bench(t);
  writeFileSync(join(home, "skills", "own.md"), "# a skill\n");
  const id = String((await repo.create(home))["id"]);
  execFileSync("chown", ["-R", NOBODY, home]);
  const restore = (...words: string[]) => repo.run("restore", id, ...words, "--into", home, "--apply");
  rmSync(join(home, "sessions", ids[0]!), { recursive: true });
  for (const words of [["--session", ids[0]!], ["--only", "config"], []]) {
    appendFileSync(join(home, "config.toml"), "# later\n");
    const { code, stderr } = await restore(...words);
    assert.equal(code, 0, stderr);
    assert.equal(foreign(home), "", words.join(" "));
  }
  const victim = join(dirname(home), "victim");
  mkdirSync(victim, { mode: 0o700 });
  renameSync(join(home, "skills"), join(home, "own-skills"));
  symlinkSync(victim, join(home, "skills"));
  const { code, stderr } = await restore("--only", "skills");
  assert.equal(code, 4, stderr);
  assert.match(stderr, /skills is a symbolic link/);
  assert.deepEqual(readdirSync(victim), []);
});

/** Links in the toolkit's directories of a home, which its owner or somebody with his rights has made. */
const PLANTS = [
  ".agh-toolkit",
  ".agh-toolkit/journal",
  ".agh-toolkit/trash",
  ".agh-toolkit/tombstones",
  ".agh-toolkit/lock.db",
  ".agh-toolkit/home.json",
  "session-archive",
  "session-archive/SESSION.tar.zst",
  "session-archive/SESSION.receipt.json",
];

test("as root, links planted in the toolkit's directories lead nowhere, and what is made on the way is the owner's", async (t) => {
  if (process.geteuid?.() !== 0) return t.skip("needs root");
  const { home, ids } = madeHome(t, { sessions: 2, events: 4 });
  const above = dirname(home);
  chmodSync(above, 0o755);
  const repo = await bench(t);
  const id = String((await repo.create(home, "--home-id", "h"))["id"]);
  const archives = join(above, "archives");
  assert.equal((await runHere(archive, ["put", "--all", "--home", home, "--to", archives])).code, 0);
  const into = ["--home-id", "h", "--into", home, "--apply"];
  const verbs: { readonly [name: string]: () => Promise<Ran> } = {
    "the home": () => repo.run("restore", id, ...into),
    "a class": () => repo.run("restore", id, "--only", "config", ...into),
    "a session": () => repo.run("restore", id, "--session", ids[0]!, "--replace", ...into),
    put: () => runHere(archive, ["put", "--all", "--home", home]),
    get: () => runHere(archive, ["get", "--all", "--from", archives, "--to", home]),
    retire: () =>
      runHere(
        vacuum,
        `sessions --older-than 0s --archive ${archives} --home ${home} --now 2027-01-01T00:00:00Z --apply`.split(" "),
      ),
  };
  const template = join(above, "template");
  cpSync(home, template, { recursive: true });
  const victim = join(above, "victim");
  for (const plant of ["none", ...PLANTS]) {
    for (const [name, run] of Object.entries(verbs)) {
      if (plant !== "none" && plant.startsWith("session-archive") !== (name === "put")) continue;
      for (const dir of [home, victim]) rmSync(dir, { recursive: true, force: true });
      cpSync(template, home, { recursive: true });
      mkdirSync(victim, { mode: 0o700 });
      writeFileSync(join(victim, "file"), "the victim's");
      const path = join(home, plant.replace("SESSION", ids[0]!));
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      if (plant !== "none") symlinkSync(plant.includes(".", 1) ? join(victim, "file") : victim, path);
      appendFileSync(join(home, "config.toml"), "# later\n");
      appendFileSync(join(home, "sessions", ids[0]!, "meta.json"), " ");
      rmSync(join(home, "sessions", ids[1]!), { recursive: true });
      execFileSync("chown", ["-hR", NOBODY, home]);
      const before = treeDigest(victim, ["type", "mode", "content", "mtimeNs"]);
      const { code, stderr } = await run();
      const what = `${name}, ${plant}: ${code} ${stderr}`;
      assert.equal(treeDigest(victim, ["type", "mode", "content", "mtimeNs"]), before, what);
      assert.equal(foreign(home), "", what);
      const isRefused = plant === ".agh-toolkit" || plant === ".agh-toolkit/journal" || plant === "session-archive";
      assert.ok(isRefused && name !== "retire" ? code === 4 : [0, 3, 4, 6].includes(code), what);
      assert.ok(plant !== "none" || code === 0 || name === "get" || name === "retire" || name === "put", what);
    }
  }
});
