// Sessions that were archived, removed and brought back are what they were.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { madeHome, realHome } from "../support/homes.ts";
import { assertEqualHomes } from "../support/sqlite-dump.ts";
import { tempDir } from "../support/temp.ts";
import { assertUntouched, treeState } from "../support/tree.ts";
import { archived, archive, checks, copyOf, ids, removeSessions } from "./bench.ts";

/** Directories in which something came and went have the time of that. */
const shared = (name: string): boolean =>
  name === "." ||
  name === "sessions" ||
  /^sessions\/ws_[0-9a-f]+$/.test(name) ||
  name === "logs/crash-bundles" ||
  name.startsWith(".agh-toolkit");

test("a real home is what it was after its sessions were archived, removed and brought back", async (t) => {
  const real = realHome(t, "agh-clean");
  if (!real) return;
  const before = copyOf(real.home, path.join(tempDir(t), "before"));
  const target = path.join(tempDir(t), "archives");
  const put = await archived("put", "--all", "--home", real.home, "--to", target);
  assert.equal(ids(put).length, 10);
  removeSessions(real.home, ids(put));
  assert.equal(fs.readdirSync(path.join(real.home, "sessions")).filter((name) => name.startsWith("sess-")).length, 0);
  const got = await archived("get", "--all", "--from", target, "--to", real.home);
  assert.deepEqual(ids(got).sort(), ids(put).sort());
  assertEqualHomes(before, real.home, { except: shared });
  assert.deepEqual(checks(real.home), { integrity: ["ok"], foreign: [] });
});

test("rowids of summaries, which AGH uses as a sequence, come back", async (t) => {
  const real = realHome(t, "agh-clean");
  if (!real) return;
  const rowids = (): unknown[] => {
    const db = new DatabaseSync(path.join(real.home, "agh.db"), { readOnly: true });
    const rows = db.prepare("SELECT rowid, id FROM event_summaries ORDER BY rowid").all();
    db.close();
    return rows;
  };
  const before = rowids();
  const target = path.join(tempDir(t), "archives");
  const put = await archived("put", "--all", "--home", real.home, "--to", target);
  removeSessions(real.home, ids(put));
  assert.ok(rowids().length < before.length);
  await archived("get", "--all", "--from", target, "--to", real.home);
  assert.deepEqual(rowids(), before);
});

test("a second put and a second get change nothing", async (t) => {
  const { home } = madeHome(t, { sessions: 4 });
  const target = path.join(tempDir(t), "archives");
  const first = await archived("put", "--all", "--home", home, "--to", target);
  const state = treeState(target);
  const again = await archived("put", "--all", "--home", home, "--to", target);
  assert.deepEqual(
    again.records.filter(({ kind }) => kind === "archive").map(({ status }) => status),
    Array(4).fill("unchanged"),
  );
  assert.equal(again.records.at(-1)!["bytes"], 0);
  assertUntouched(state, treeState(target));
  removeSessions(home, ids(first).slice(0, 2));
  await archived("get", "--all", "--from", target, "--to", home);
  const back = treeState(home);
  await archived("get", "--all", "--from", target, "--to", home);
  assertUntouched(back, treeState(home));
});

test("the same session makes the same bytes, also after it was brought back", async (t) => {
  const { home } = madeHome(t, { sessions: 2 });
  const [one, two, three] = ["one", "two", "three"].map((name) => path.join(tempDir(t), name)) as [
    string,
    string,
    string,
  ];
  const put = await archived("put", "--all", "--home", home, "--to", one);
  await archived("put", "--all", "--home", home, "--to", two);
  const bytes = (dir: string) =>
    fs
      .readdirSync(dir)
      .sort()
      .map((name) => [name, fs.readFileSync(path.join(dir, name), "latin1")]);
  assert.deepEqual(bytes(two), bytes(one));
  removeSessions(home, ids(put));
  await archived("get", "--all", "--from", one, "--to", home);
  await archived("put", "--all", "--home", home, "--to", three);
  assert.deepEqual(bytes(three), bytes(one));
});

test("put, list, show and verify leave the home as it is", async (t) => {
  const real = realHome(t, "agh-killed");
  if (!real) return;
  const target = path.join(tempDir(t), "archives");
  const before = treeState(real.home);
  const put = await archive("put", "--all", "--home", real.home, "--to", target);
  assert.equal(put.code, 3);
  await archived("list", "--from", target);
  await archived("show", ids(put)[0]!, "--from", target);
  await archived("verify", "--all", "--from", target);
  assertUntouched(before, treeState(real.home));
});

test("another home takes a session with its workspace, and its own bookkeeping stays", async (t) => {
  const { home, ids: all } = madeHome(t, { sessions: 3 });
  const other = copyOf(home, path.join(tempDir(t), "other"));
  removeSessions(other, all, { workspaces: true });
  const target = path.join(tempDir(t), "archives");
  const put = await archived("put", "--all", "--home", home, "--to", target);
  const got = await archived("get", "--all", "--from", target, "--to", other);
  assert.deepEqual(ids(got).sort(), ids(put).sort());
  assert.deepEqual(checks(other), { integrity: ["ok"], foreign: [] });
});
