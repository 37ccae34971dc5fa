// Root at work in another user's home: what is made there is that user's, and a link of his leads nowhere.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { test, type TestContext } from "node:test";
import { tool as archiveTool } from "../../bin/agh-archive.ts";
import { tool as ledgerTool } from "../../bin/agh-ledger.ts";
import { tool as vacuumTool } from "../../bin/agh-vacuum.ts";
import { madeHome } from "../support/homes.ts";
import { runHere } from "../support/memory.ts";

const NOBODY = 65534;

/** A made home of nobody's; undefined (and skipped) where we are not root. */
function foreignHome(t: TestContext): string | undefined {
  if (process.geteuid?.() !== 0) return void t.skip("needs root");
  const { home } = madeHome(t, { sessions: 3, events: 6 });
  fs.chmodSync(path.dirname(home), 0o755);
  const own = (file: string): void => fs.lchownSync(file, NOBODY, NOBODY);
  for (const entry of fs.readdirSync(home, { recursive: true, withFileTypes: true }))
    own(path.join(entry.parentPath, entry.name));
  own(home);
  return home;
}

function assertAllNobodys(home: string): void {
  for (const entry of fs.readdirSync(home, { recursive: true, withFileTypes: true })) {
    const file = path.join(entry.parentPath, entry.name);
    const { uid, gid } = fs.lstatSync(file);
    assert.deepEqual([uid, gid], [NOBODY, NOBODY], file);
  }
}

test("archives, ledgers, seals, tombstones, locks and journals in it are the owner's", async (t) => {
  const home = foreignHome(t);
  if (home === undefined) return;
  const session = fs.readdirSync(path.join(home, "sessions")).find((name) => name.startsWith("ws_"))!;
  fs.rmSync(path.join(home, "sessions", session), { recursive: true });
  for (const [tool, ...args] of [
    [ledgerTool, "write", "--all", "--home", home],
    [ledgerTool, "seal", "--all", "--home", home],
    [archiveTool, "put", "--all", "--home", home],
    [vacuumTool, "sessions", "--older-than", "0s", "--home", home, "--apply", "--now", "2026-11-25T00:00:00Z"],
  ] as const) {
    const ran = await runHere(tool, args);
    assert.equal(ran.code, 0, `${args[0]}: ${ran.stderr}`);
    assertAllNobodys(home);
  }
  assert.ok(fs.readdirSync(path.join(home, "session-archive")).length >= 6);
});

test("nothing is put through a link in it", async (t) => {
  const home = foreignHome(t);
  if (home === undefined) return;
  const victim = path.join(path.dirname(home), "victim");
  fs.mkdirSync(victim);
  for (const link of ["session-archive", ".agh-toolkit"]) {
    fs.symlinkSync(victim, path.join(home, link));
    const put = await runHere(archiveTool, ["put", "--all", "--home", home]);
    const removed = await runHere(vacuumTool, [
      "sessions",
      "--older-than",
      "0s",
      "--home",
      home,
      "--apply",
      "--now",
      "2026-11-25T00:00:00Z",
    ]);
    if (link === "session-archive") assert.equal(put.code, 4, put.stderr);
    else assert.equal(removed.code, 4, removed.stderr);
    assert.deepEqual(fs.readdirSync(victim), [], link);
    fs.rmSync(path.join(home, link));
    fs.rmSync(path.join(home, "session-archive"), { recursive: true, force: true });
  }
});
