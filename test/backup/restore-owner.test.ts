// Root restores into another user's home: all that is made there is that user's, and a link that leads out is not followed.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { madeHome } from "../support/homes.ts";
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
