// All six commands over a runtime that was registered from outside, as files and as rows: there and back, each the same as before.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { test, type TestContext } from "node:test";
import { tool as archive } from "../../bin/agh-archive.ts";
import { tool as backup } from "../../bin/agh-backup.ts";
import { tool as inspect } from "../../bin/agh-inspect.ts";
import { tool as ledger } from "../../bin/agh-ledger.ts";
import { tool as reconcile } from "../../bin/agh-reconcile.ts";
import { tool as vacuum } from "../../bin/agh-vacuum.ts";
import type { Tool } from "../../lib/cli/verb.ts";
import { registerSource } from "../../lib/index.ts";
import { copyTree } from "../contract/custody-world.ts";
import { makeQuillHome, makeTalks } from "../support/fourth-runtime/make.ts";
import { quill } from "../support/fourth-runtime/quill.ts";
import { makeRowsHome, quillRows } from "../support/fourth-runtime/rows/quill-rows.ts";
import { runHere, type Ran } from "../support/memory.ts";
import { homeDifferences } from "../support/sqlite-dump.ts";
import { tempDir } from "../support/temp.ts";

registerSource(quill);
registerSource(quillRows);

const RUNTIMES = { quill: makeQuillHome, "quill-rows": makeRowsHome } as const;
/** Talks that ended; the fifth is torn as a file, the sixth never ended. */
const ENDED = ["talk-0001", "talk-0002", "talk-0003", "talk-0004"];

interface World {
  readonly runtime: keyof typeof RUNTIMES;
  readonly home: string;
  /** A directory beside it that is not there yet. */
  beside(name: string): string;
  run(tool: Tool, line: string, exit?: number): Promise<Ran>;
  /** A copy of the home as it is now. */
  copy(): string;
}

function worldOf(t: TestContext, runtime: keyof typeof RUNTIMES): World {
  const base = tempDir(t, runtime);
  const home = path.join(base, "home");
  RUNTIMES[runtime](home);
  let copies = 0;
  return {
    runtime,
    home,
    beside: (name) => path.join(base, name),
    run: async (tool, line, exit = 0) => {
      const argv = line.split(" ").map((word) => word.replace(/^@/, `${base}/`).replace(/^HOME$/, home));
      const ran = await runHere(tool, argv, { env: { HOME: base } });
      assert.equal(ran.code, exit, `${tool.name} ${line}: ${ran.stderr}${ran.stdout}`);
      return ran;
    },
    copy: () => {
      const to = path.join(base, `copy-${++copies}`);
      copyTree(home, to);
      return to;
    },
  };
}

/** But for times of directories, which get new names. */
function same(before: string, after: string): void {
  const differences = homeDifferences(before, after, { except: (name) => name.startsWith(".agh-toolkit") });
  const isDirectory = (name: string): boolean => fs.statSync(path.join(after, name)).isDirectory();
  assert.deepEqual(
    differences.filter((line) => !(line.includes(": mtime") && isDirectory(line.slice(0, line.indexOf(": "))))),
    [],
  );
}

const ids = ({ records }: Ran, ...kinds: readonly string[]): string[] =>
  records.filter(({ kind }) => kinds.includes(kind)).map(({ id }) => String(id));

const listed = async ({ run, home }: World): Promise<string[]> =>
  ids(await run(inspect, `sessions --home ${home}`), "session");

test("quill: what lies outside the home is backed up with it, and restored beside it", async (t) => {
  const { run, home, beside } = worldOf(t, "quill");
  fs.mkdirSync(beside("attic"));
  fs.writeFileSync(path.join(beside("attic"), "old.txt"), "old notes");
  fs.writeFileSync(path.join(home, "quill.json"), JSON.stringify({ format: 1, attic: beside("attic") }));
  await run(backup, "init --repo @repo");
  await run(backup, "create --home HOME --repo @repo");
  await run(backup, "restore latest --to @restored --repo @repo");
  const old = path.join(beside("restored"), ".agh-toolkit/outside/attic/old.txt");
  assert.equal(fs.readFileSync(old, "utf8"), "old notes");
  const paths = await run(inspect, `paths --home backup:${beside("repo")}`);
  assert.ok(paths.records.some(({ root, path: name }) => root === "attic" && name === "old.txt"));
  await run(backup, "drill --repo @repo");
});

test("quill: more than one thread would do is done where the runtime is known", async (t) => {
  const { run, home } = worldOf(t, "quill");
  const [large] = makeTalks(2);
  const text = "mend the gutter ".repeat(1 << 16);
  const entries = large!.entries.flatMap((entry) =>
    entry.who === "agent" ? Array.from({ length: 9 }, () => ({ ...entry, text })) : [entry],
  );
  makeQuillHome(home, [{ head: { ...large!.head, talk: "talk-large" }, entries }]);
  await run(archive, "put talk-large --home HOME --to @archive");
  const verified = await run(archive, "verify --all --from @archive");
  assert.ok(Number(verified.records[0]!["bytes"]) > 17 << 20);
});

const CHECKS: { readonly [name: string]: (world: World) => Promise<void> } = {
  "agh-ledger: written, sealed, verified, read back": async ({ run }) => {
    const written = await run(ledger, "write --all --home HOME");
    assert.equal(ids(written, "ledger").length >= ENDED.length, true);
    await run(ledger, "keygen @ledger.key");
    await run(ledger, "seal --all --key @ledger.key --home HOME");
    await run(ledger, "verify --all --pub @ledger.key.pub --home HOME");
    const cat = await run(ledger, "cat talk-0001 --home HOME");
    assert.deepEqual(cat.records, (await run(inspect, "events talk-0001 --home HOME")).records);
  },
  "agh-backup: create, verify, drill, restore to a directory, and read there": async (world) => {
    const { run, home, beside, runtime } = world;
    await run(backup, "init --repo @repo");
    await run(backup, "create --home HOME --repo @repo");
    await run(backup, "verify --all --level deep --repo @repo");
    await run(backup, "drill --repo @repo");
    await run(backup, "restore latest --to @restored --repo @repo");
    same(home, beside("restored"));
    const there = await run(inspect, `sessions --home backup:${beside("repo")}`);
    assert.deepEqual(ids(there, "session"), await listed(world));
    // Of rows in one database no home with a single session is made.
    const alone = await run(
      backup,
      "restore latest --session talk-0002 --to @one --repo @repo",
      runtime === "quill" ? 0 : 4,
    );
    if (alone.code === 0) assert.deepEqual(ids(await run(inspect, "sessions --home @one"), "session"), ["talk-0002"]);
  },
  "agh-backup: sessions back into the home": async (world) => {
    const { run, home, copy } = world;
    await run(backup, "init --repo @repo");
    await run(backup, "create --home HOME --repo @repo");
    const before = copy();
    await run(vacuum, "sessions talk-0002 --home HOME --apply --now 2027-01-01T00:00:00Z");
    assert.ok(!(await listed(world)).includes("talk-0002"));
    await run(backup, "restore latest --session talk-0002 --into HOME --repo @repo --apply");
    same(before, home);
    await run(vacuum, "sessions talk-0003 --home HOME --apply --now 2027-01-01T00:00:00Z");
    // Nothing keeps a runtime without a daemon out while all of it is replaced: its sessions come back one by one.
    await run(backup, "restore latest --into HOME --repo @repo --apply", 4);
    await run(backup, "restore latest --session talk-0003 --into HOME --repo @repo --apply");
    same(before, home);
  },
  "agh-archive: put, verified, read there, and got back after a removal": async (world) => {
    const { run, home, beside, copy } = world;
    const put = await run(archive, `put ${ENDED.join(" ")} --home HOME --to @archive`);
    assert.deepEqual(ids(put, "archive"), ENDED);
    await run(archive, "verify --all --from @archive");
    const there = await run(inspect, `events talk-0001 --home archive:${beside("archive")}`);
    const here = await run(inspect, "events talk-0001 --home HOME");
    assert.deepEqual(
      there.records.map((event) => ({ ...event, home: "" })),
      here.records.map((event) => ({ ...event, home: "" })),
    );
    const before = copy();
    const removal = await run(
      vacuum,
      "sessions talk-0001 talk-0004 --archive @archive --home HOME --apply --now 2027-01-01T00:00:00Z",
    );
    assert.deepEqual(ids(removal, "action").toSorted(), ["talk-0001", "talk-0004"]);
    assert.ok(!(await listed(world)).includes("talk-0001"));
    await run(archive, "get --all --from @archive --to HOME");
    same(before, home);
    const again = await run(archive, "get --all --from @archive --to HOME");
    assert.equal(again.records.at(-1)!["unchanged"], ENDED.length);
  },
  "agh-archive: archives alone make a home": async ({ run, home, beside, runtime }) => {
    await run(archive, `put ${ENDED.join(" ")} --home HOME --to @archive`);
    const there = await run(inspect, `sessions --runtime ${runtime} --home archive:${beside("archive")}`);
    assert.deepEqual(ids(there, "session"), ENDED);
    assert.ok(fs.existsSync(home));
  },
  "agh-vacuum: into the trash and back, by a policy": async (world) => {
    const { run, home, copy } = world;
    const before = copy();
    const line = "sessions --older-than 30d --home HOME --now 2026-12-01T00:00:00Z";
    const plan = await run(vacuum, line);
    assert.deepEqual(
      ids(plan, "action"),
      plan.records.filter(({ kind }) => kind === "action").map(({ id }) => id),
    );
    same(before, home);
    const done = await run(vacuum, `${line} --apply`);
    const removed = ids(done, "action");
    assert.ok(removed.length >= 3, done.stdout);
    assert.deepEqual(
      (await listed(world)).filter((id) => removed.includes(id)),
      [],
    );
    const trash = await run(vacuum, "trash list --home HOME --verify");
    assert.ok(ids(trash, "trash").length > 0);
    await run(vacuum, "trash restore --all --home HOME");
    same(before, home);
    await run(vacuum, "report --home HOME");
  },
  "agh-reconcile: checked, planned, applied, undone": async (world) => {
    const { run, home, copy, runtime } = world;
    const before = copy();
    const found = await run(reconcile, "check --home HOME", 1);
    const codes = found.records.filter(({ kind }) => kind === "finding").map(({ code }) => code);
    assert.deepEqual(codes, runtime === "quill" ? ["TALK_TORN", "TALK_OPEN"] : ["TALK_OPEN"]);
    const plan = await run(reconcile, "plan --home HOME --json");
    assert.equal(ids(plan, "action").length, codes.length);
    same(before, home);
    fs.writeFileSync(world.beside("plan.jsonl"), plan.stdout);
    const done = await run(reconcile, "apply @plan.jsonl --home HOME");
    assert.ok(
      done.records.every(({ kind, state }) => kind !== "action" || state === "done"),
      done.stdout,
    );
    assert.deepEqual(ids(await run(reconcile, "check --home HOME"), "finding"), []);
    const id = String(done.records.at(-1)!["run"]);
    await run(reconcile, `undo ${id} --home HOME --apply`);
    same(before, home);
  },
};

for (const runtime of Object.keys(RUNTIMES) as (keyof typeof RUNTIMES)[]) {
  for (const [what, check] of Object.entries(CHECKS)) {
    test(`${runtime}: ${what}`, (t) => check(worldOf(t, runtime)));
  }
}
