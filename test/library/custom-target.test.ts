// A target that was registered from outside: the contract, and what archives and backups make of it.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { tool as archive } from "../../bin/agh-archive.ts";
import { tool as backup } from "../../bin/agh-backup.ts";
import {
  createRepository,
  openArchive,
  openHome,
  openRepository,
  recordsOf,
  registerTarget,
  ToolError,
} from "../../lib/index.ts";
import { targetContract } from "../contract/target.ts";
import { madeHome } from "../support/homes.ts";
import { memoryTarget } from "../support/memory-target.ts";
import { runHere } from "../support/memory.ts";
import { assertEqualHomes } from "../support/sqlite-dump.ts";
import { tempDir } from "../support/temp.ts";

registerTarget("memory", memoryTarget);

let count = 0;
const fresh = (): string => `memory://place-${++count}`;

targetContract("registered", () => memoryTarget(fresh()));

test("a scheme that is taken, or that is none, is refused", () => {
  for (const scheme of ["s3", "memory", "", "no scheme", "Upper"]) {
    assert.throws(
      () => registerTarget(scheme, memoryTarget),
      (error) => error instanceof ToolError && error.exit === 2,
      scheme,
    );
  }
});

test("archives: put, listed, verified, read and brought back", async (t) => {
  const { home: root } = madeHome(t, { sessions: 4, events: 20 });
  const url = fresh();
  using home = await openHome(root);
  const target = openArchive(url);
  const put = await target.put(home, { states: ["stopped"] });
  const archived = recordsOf(put, "archive").map(({ id }) => id);
  assert.ok(archived.length > 0);
  assert.equal((await target.verify()).exit, 0);
  const ran = await runHere(archive, ["verify", "--all", "--from", url]);
  assert.equal(ran.code, 0, ran.stderr);
  using there = await openHome(`archive:${url}`);
  const ids: string[] = [];
  for await (const { id } of there.sessions()) ids.push(id);
  assert.deepEqual(ids, archived.toSorted());
  const back = await target.get(home, {});
  assert.equal(back.summary.items, archived.length);
});

test("backups: created, verified, drilled and restored, larger than what is done by one thread", async (t) => {
  const { home: root } = madeHome(t, { sessions: 6, events: 8000 });
  const url = fresh();
  await createRepository(url);
  const repository = await openRepository(url);
  const { snapshot } = await repository.createSnapshot(root);
  assert.ok(snapshot.bytes! > 17 << 20, String(snapshot.bytes));
  assert.equal((await repository.verify({ level: "deep" })).exit, 0);
  assert.equal((await repository.drill()).verdict.verdict, "passed");
  const to = join(tempDir(t), "restored");
  await repository.restore("latest", { to });
  assertEqualHomes(root, to, { except: (name) => LEFT_OUT.test(name) });
  const listed = await runHere(backup, ["list", "--repo", url]);
  assert.deepEqual(
    listed.records.map(({ id }) => id),
    [snapshot.id],
  );
});

const LEFT_OUT = /-(?:wal|shm)$|vault\.key|daemon\.|\.sock$|^restarts|^\.agh-toolkit/;
