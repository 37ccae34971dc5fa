// backup:REPO@ID is read like the home it was made of.
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { tool } from "../../bin/agh-inspect.ts";
import type { AnyRecord } from "../../lib/records/record.ts";
import { bench } from "../backup/tool.ts";
import { realHome } from "../support/homes.ts";
import { runHere } from "../support/memory.ts";
import { tempDir } from "../support/temp.ts";
import { assertUntouched, treeState } from "../support/tree.ts";

/** Without what names the place, a WAL that was folded in, and the vault's key, which is backed up on request only. */
const plain = (records: readonly AnyRecord[]): unknown[] =>
  records.map((record) => ({
    ...record,
    home: "",
    events_bytes: 0,
    ledger_bytes: 0,
    crash_bundle: "",
    key_present: "",
  }));

const VERBS = ["sessions", "events --all", "usage --by turn --rollup", "turns", "tools", "hooks", "permissions"];

for (const name of ["agh-clean", "agh-killed", "agh-drifted"]) {
  test(`${name}: what a snapshot says is what the home says`, async (t) => {
    const real = realHome(t, name);
    if (!real) return;
    const { repo, create } = await bench(t);
    const { id } = await create(real.home);
    const before = treeState(repo);
    const scratch = tempDir(t, "scratch");
    const list = async (place: string, ...argv: readonly string[]): Promise<readonly AnyRecord[]> => {
      const env = { HOME: "/nowhere", TMPDIR: scratch };
      const ran = await runHere(tool, [...argv, "--home", place], { env });
      assert.equal(ran.code, 0, `${argv.join(" ")}: ${ran.stderr}`);
      return ran.records;
    };
    for (const words of [...VERBS, "workspaces", "vault", "failures"]) {
      const verb = words.split(" ");
      const live = await list(real.home, ...verb);
      const saved = await list(`backup:${repo}@latest`, ...verb);
      assert.ok(live.length > 0 || words === "permissions", words);
      assert.deepEqual(plain(saved), plain(live), words);
      for (const { home } of saved) assert.equal(home, `backup:${repo}@${String(id)}`);
    }
    assertUntouched(before, treeState(repo));
    assert.deepEqual(readdirSync(scratch), [], "scratch is empty again");
  });
}

test("a record from a snapshot names it, so that a pipe goes on reading there", async (t) => {
  const real = realHome(t, "agh-killed");
  if (!real) return;
  const { repo, create } = await bench(t);
  await create(real.home);
  const { stdout } = await runHere(tool, ["sessions", "f486", "--home", `backup:${repo}`]);
  const events = await runHere(tool, ["events", "-"], { stdin: stdout });
  assert.equal(events.code, 0, events.stderr);
  assert.equal(events.records.length, 26, "the rows that were only in the WAL, too");
  const follow = await runHere(tool, ["events", "f486", "--follow", "--home", `backup:${repo}`]);
  assert.equal(follow.code, 2);
  assert.match(follow.stderr, /does not change/);
});

test("a repository or snapshot that is not there: 6 or 2, and what to type", async (t) => {
  const { dir, repo } = await bench(t);
  const missing = await runHere(tool, ["sessions", "--home", `backup:${join(dir, "none")}`]);
  assert.equal(missing.code, 6, missing.stderr);
  const none = await runHere(tool, ["sessions", "--home", `backup:${repo}@latest`]);
  assert.ok([2, 6].includes(none.code), none.stderr);
  assert.equal(missing.stdout + none.stdout, "");
  assert.match(none.stderr, /try: /);
});
