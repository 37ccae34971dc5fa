// Sessions behind symbolic links: archives hold what they lead to, and nothing is removed through them.
import assert from "node:assert/strict";
import { existsSync, lstatSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { tool as archiveTool } from "../../bin/agh-archive.ts";
import { tool as vacuumTool } from "../../bin/agh-vacuum.ts";
import { FOLLOWED, homeAndDisk, resolved } from "../support/links.ts";
import { runHere } from "../support/memory.ts";
import { homeDifferences } from "../support/sqlite-dump.ts";
import { assertUntouched, treeState } from "../support/tree.ts";

const env = { HOME: "/nowhere" };
const NOW = "2026-12-01T00:00:00Z";

for (const { name, links } of FOLLOWED.filter((one) => /session|events.db|meta.json/.test(one.name))) {
  test(`${name} is a link: archived with its content, and removed by nobody`, async (t) => {
    const { home, disk, ids } = homeAndDisk(t);
    links(home, disk, ids);
    const target = join(disk, "archives");
    const put = await runHere(archiveTool, ["put", "--all", "--home", home, "--to", target], { env });
    assert.equal(put.code, 0, put.stderr);
    const [source, to] = [resolved(t, home), resolved(t, home)];
    for (const id of ids) rmSync(join(to, "sessions", id), { recursive: true });
    const got = await runHere(archiveTool, ["get", "--all", "--from", target, "--to", to], { env });
    assert.equal(got.code, 0, got.stderr);
    for (const id of ids) {
      const [there, here] = [source, to].map((dir) => join(dir, "sessions", id)) as [string, string];
      assert.deepEqual(homeDifferences(there, here, { except: (it) => it === "." }), []);
    }
    const before = [treeState(home), treeState(disk)] as const;
    const args = ["sessions", "--older-than", "0s", "--archive", target, "--home", home, "--now", NOW, "--apply"];
    const removed = await runHere(vacuumTool, args, { env });
    const isThere = existsSync(join(home, "sessions", ids[0]!, "events.db"));
    assert.ok(isThere, `${removed.code} ${removed.stderr}`);
    assertUntouched(before[1], treeState(disk), { paths: (path) => path.startsWith("archives") });
    for (const [path, { type }] of before[0])
      if (type === "symlink") assert.ok(lstatSync(join(home, path)).isSymbolicLink());
  });
}

test("a part that leads nowhere: the session is skipped by name (3), the others are archived", async (t) => {
  const { home, disk, ids } = homeAndDisk(t);
  symlinkSync("nowhere", join(home, "sessions", ids[0]!, "notes.md"));
  const target = join(disk, "archives");
  const put = await runHere(archiveTool, ["put", "--all", "--home", home, "--to", target], { env });
  assert.equal(put.code, 3, put.stderr);
  const skipped = put.records.filter(({ kind }) => kind === "action");
  assert.deepEqual(
    skipped.map(({ id, state }) => [id, state]),
    [[ids[0], "skipped"]],
  );
  assert.match(String(skipped[0]!["reason"]), /notes\.md cannot be archived: it is a symbolic link that leads nowhere/);
  assert.ok(existsSync(join(target, `${ids[1]!}.tar.zst`)));
});

test("a session that another link leads to stays, and says why", async (t) => {
  const { home, disk, ids } = homeAndDisk(t);
  const target = join(disk, "archives");
  await runHere(archiveTool, ["put", "--all", "--home", home, "--to", target], { env });
  symlinkSync(ids[0]!, join(home, "sessions", "sess-old"));
  const args = ["sessions", ids[0]!, "--older-than", "0s", "--archive", target, "--home", home];
  const ran = await runHere(vacuumTool, [...args, "--now", NOW, "--apply"], { env });
  const action = ran.records.find(({ kind }) => kind === "action")!;
  assert.deepEqual([action["state"], existsSync(join(home, "sessions", ids[0]!))], ["skipped", true], ran.stderr);
  assert.match(String(action["reason"]), /sessions\/sess-old is a symbolic link to it/);
});
