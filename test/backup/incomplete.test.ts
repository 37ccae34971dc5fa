// What could not be taken is told in every run, is in the coverage, and can be accepted by name; a home without anything is no success.
import assert from "node:assert/strict";
import { chmodSync, chownSync, globSync, lstatSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { test, type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { tool } from "../../bin/agh-backup.ts";
import { tool as ledger } from "../../bin/agh-ledger.ts";
import type { AnyRecord } from "../../lib/records/record.ts";
import { makeHome } from "../../scripts/make-home/home.ts";
import { madeHome } from "../support/homes.ts";
import { runHere, type Ran } from "../support/memory.ts";
import { tempDir } from "../support/temp.ts";

const NOBODY = 65_534;

/** Runs as a user to whom modes apply. */
async function asNobody<T>(act: () => Promise<T>): Promise<T> {
  if (process.geteuid!() !== 0) return act();
  process.seteuid!(NOBODY);
  try {
    return await act();
  } finally {
    process.seteuid!(0);
  }
}

function giveAway(dir: string): void {
  if (process.geteuid!() !== 0) return;
  for (const path of ["", ...globSync("**", { cwd: dir })]) chownSync(join(dir, path), NOBODY, NOBODY);
}

const findings = ({ records }: Ran): AnyRecord[] => records.filter(({ kind }) => kind === "finding");

interface Bench {
  readonly home: string;
  readonly ids: readonly string[];
  create(...argv: string[]): Promise<Ran>;
  show(): Promise<readonly AnyRecord[]>;
}

async function unreadableBench(t: TestContext): Promise<Bench> {
  const dir = tempDir(t, "incomplete");
  const { home, ids } = makeHome(join(dir, "home"), { sessions: 4, events: 10 });
  mkdirSync(join(dir, "tmp"));
  giveAway(dir);
  const env = { HOME: dir, TMPDIR: join(dir, "tmp") };
  const repo = join(dir, "repo");
  const run = (...argv: string[]): Promise<Ran> => asNobody(() => runHere(tool, [...argv, "--repo", repo], { env }));
  assert.equal((await run("init")).code, 0);
  await sleep(30);
  return {
    home,
    ids,
    create: (...argv) => run("create", "--home", home, ...argv),
    show: async () => (await run("show", "latest")).records,
  };
}

test("a directory that cannot be read is a finding every night, and no loss; accepted by name it is ok; gone for good it is lost", async (t) => {
  const { home, ids, create, show } = await unreadableBench(t);
  assert.equal((await create()).code, 0);
  const [id] = ids;
  const dir = join(home, "sessions", id!);
  const { mode } = lstatSync(dir);
  chmodSync(dir, 0);
  for (const night of [1, 2, 3]) {
    const ran = await create();
    const found = findings(ran);
    assert.equal(ran.code, 3, `night ${night}`);
    assert.deepEqual(
      found.map(({ code, id: of }) => [code, of]),
      [["UNREADABLE", `home/sessions/${id}`]],
      `night ${night}`,
    );
    assert.deepEqual([ran.records[0]!["state"], ran.records[0]!["complete"]], ["unproven", false]);
    assert.deepEqual([ran.records.at(-1)!["exit"], ran.records.at(-1)!["failed"]], [3, 1]);
  }
  const gap = (await show()).find(({ kind, path }) => kind === "gap" && path === `sessions/${id}`);
  assert.equal(gap?.["missing"], true);
  for (const name of [`sessions/${id}`, `home/sessions/${id}`, "home/sessions"]) {
    const ran = await create("--accept-missing", name);
    assert.deepEqual([ran.code, findings(ran), ran.records[0]!["complete"], ran.stderr], [0, [], true, ""], name);
  }
  const accepted = (await show()).find(({ kind, path }) => kind === "gap" && path === `sessions/${id}`);
  assert.equal(accepted?.["accepted"], true);
  chmodSync(dir, mode);
  const { code } = await create();
  assert.equal(code, 0, "it can be read again");
});

test("a session that vanishes while it cannot be read is compared with the last snapshot that had it", async (t) => {
  const { home, ids, create } = await unreadableBench(t);
  await create();
  const dir = join(home, "sessions", ids[0]!);
  chmodSync(dir, 0);
  assert.equal((await create()).code, 3);
  chmodSync(dir, 0o755);
  rmSync(dir, { recursive: true });
  for (const partition of readdirSync(join(home, "sessions"))) {
    rmSync(join(home, "sessions", partition, ids[0]!), { recursive: true, force: true });
  }
  const codes = findings(await create()).map(({ code }) => code);
  assert.ok(codes.includes("SESSION_LOST"), codes.join());
});

test("a file that could be read once is not taken over when it cannot be read any more, nor when another user reads", async (t) => {
  const { home, ids, create } = await unreadableBench(t);
  const file = join(home, "sessions", ids[1]!, "events.db");
  await create();
  chmodSync(file, 0);
  for (const night of [1, 2]) {
    const ran = await create();
    assert.deepEqual([ran.code, findings(ran).map(({ code }) => code)], [3, ["UNREADABLE"]], `night ${night}`);
  }
});

test("nothing to back up is no success: a finding (1), in a tar too; no home on stdin is (0)", async (t) => {
  const { home } = madeHome(t, { sessions: 1, events: 3 });
  const repo = join(tempDir(t, "repo"), "r");
  await runHere(tool, ["init", "--repo", repo]);
  for (const name of readdirSync(home)) rmSync(join(home, name), { recursive: true });
  mkdirSync(join(home, "sessions"));
  const ran = await runHere(tool, ["create", "--home", home, "--repo", repo]);
  assert.deepEqual([ran.code, findings(ran).map(({ code }) => code)], [1, ["NOTHING_TO_BACK_UP"]]);
  assert.deepEqual([ran.records.at(-1)!["exit"], ran.records.at(-1)!["status"]], [1, "failed"]);
  assert.equal((await runHere(tool, ["create", "--home", home, "--to", "-"])).code, 1);
  const none = await runHere(tool, ["create", "-", "--repo", repo], { stdin: "" });
  assert.equal(none.code, 0, none.stderr);
});

test("agh-ledger verify --all of a home without sessions proves nothing (1)", async (t) => {
  const { home } = madeHome(t, { sessions: 0 });
  const ran = await runHere(ledger, ["verify", "--all", "--home", home]);
  assert.deepEqual([ran.code, findings(ran).map(({ code }) => code)], [1, ["NO_LEDGERS"]], ran.stderr);
});
