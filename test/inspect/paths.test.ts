// paths: every path of a home and of its workspaces, what it is, and whether a backup takes it or why not.
import assert from "node:assert/strict";
import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { tool } from "../../bin/agh-inspect.ts";
import type { PathRecord } from "../../lib/records/runtime-kinds.ts";
import { decodeManifest } from "../../lib/formats/repository/manifest.ts";
import { bench } from "../backup/tool.ts";
import { madeHome, realHome } from "../support/homes.ts";
import { runHere } from "../support/memory.ts";
import { treeState } from "../support/tree.ts";

async function paths(home: string): Promise<PathRecord[]> {
  const ran = await runHere(tool, ["paths", "--home", home]);
  assert.equal(ran.code, 0, ran.stderr);
  return ran.records as unknown as PathRecord[];
}

/** The quick reference of AGH's file locations, its `<name>` parts filled in; a workspace's come second. */
const IN_HOME = [
  "config.toml",
  "mcp.json",
  "agh.db",
  "daemon.sock",
  "daemon.lock",
  "daemon.json",
  "logs/agh.log",
  "logs/network.audit",
  "support-bundles",
  "providers/claude",
  "sessions/sess-0000000000000001/events.db",
  "sessions/sess-0000000000000001/meta.json",
  "sessions/ws_0000000000000001/sess-0000000000000001/ledger.jsonl",
  "sessions/_unbound/sess-0000000000000002/ledger.jsonl",
  "agents/coder/AGENT.md",
  "agents/coder/skills/review/SKILL.md",
  "agents/coder/memory",
  "skills/review/SKILL.md",
  "memory/_inbox",
  "memory/_system",
];
const IN_WORKSPACE = [
  ".env",
  ".agh/config.toml",
  ".agh/mcp.json",
  ".agh/workspace.toml",
  ".agh/agents/coder/AGENT.md",
  ".agh/agents/coder/memory",
  ".agh/agents/coder/skills/review/SKILL.md",
  ".agh/skills/review/SKILL.md",
  ".agh/memory",
];
const DIRECTORIES = new Set(["support-bundles", "claude", "memory", "_inbox", "_system"]);

function make(root: string, path: string): void {
  const file = join(root, path);
  mkdirSync(dirname(file), { recursive: true });
  if (DIRECTORIES.has(path.slice(path.lastIndexOf("/") + 1))) mkdirSync(file, { recursive: true });
  else writeFileSync(file, "", { flag: "a" });
}

const CLASSES: { readonly [path: string]: string } = {
  "agh.db": "catalog",
  "config.toml": "config",
  "mcp.json": "config",
  "daemon.lock": "daemon",
  "providers/claude": "providers",
  "support-bundles": "support-bundles",
  "sessions/sess-0000000000000001/events.db": "sessions",
  "sessions/ws_0000000000000001/sess-0000000000000001/ledger.jsonl": "ledgers",
  "sessions/_unbound/sess-0000000000000002/ledger.jsonl": "ledgers",
  "agents/coder/AGENT.md": "agents",
  "skills/review/SKILL.md": "skills",
  "memory/_system": "memory",
  "logs/network.audit": "logs",
  ".env": "workspace-env",
  ".agh/workspace.toml": "workspaces",
};

test("every path of the quick reference is listed with its class, in the home and in its workspaces", async (t) => {
  const real = realHome(t, "agh-clean");
  if (!real) return;
  const workspace = join(real.base, "workspaces");
  const known = await paths(real.home);
  assert.ok(known.length > 80);
  for (const path of IN_HOME) if (path !== "agh.db") make(real.home, path);
  const root = known.find(({ scope, exists }) => scope === "workspace" && exists);
  const dir = root ? root.id.slice(0, root.id.length - root.path.length - 1) : workspace;
  if (root) for (const path of IN_WORKSPACE) make(dir, path);
  const listed = new Map((await paths(real.home)).map((record) => [record.id, record]));
  const expected = [
    ...IN_HOME.map((path) => [real.home, path] as const),
    ...(root ? IN_WORKSPACE.map((path) => [dir, path] as const) : []),
  ];
  for (const [top, path] of expected) {
    const record = listed.get(join(top, path));
    assert.ok(record?.exists, `${path} is not listed`);
    assert.equal(record.path, path);
    if (CLASSES[path]) assert.equal(record.class, CLASSES[path], path);
  }
});

test("the well-known paths are listed also where they are not there", async (t) => {
  const { home } = madeHome(t, { sessions: 1, events: 3 });
  const absent = (await paths(home)).filter(({ exists }) => !exists);
  for (const { type, backed_up, reason, size } of absent) {
    assert.deepEqual([type, backed_up, size], ["missing", false, undefined]);
    assert.ok(reason);
  }
  const names = absent.map(({ path }) => path);
  for (const path of ["daemon.sock", "providers", "support-bundles", "session-archive", "sessions/_unbound"]) {
    assert.ok(names.includes(path), path);
  }
});

for (const name of ["agh-clean", "agh-killed", "agh-drifted", "agh-unbootable"]) {
  test(`${name}: each path once, sizes and modes of the files; what is said to be backed up is what a backup takes`, async (t) => {
    const real = realHome(t, name);
    if (!real) return;
    const records = await paths(real.home);
    assert.equal(new Set(records.map(({ id }) => id)).size, records.length);
    const state = treeState(real.home);
    const inHome = records.filter(({ root, exists }) => root === "home" && exists);
    assert.deepEqual(inHome.map(({ path }) => path || ".").sort(), [...state.keys()].sort());
    for (const { path, size, mode, type } of inHome) {
      const known = state.get(path || ".")!;
      assert.equal(mode, known.mode);
      if (type === "file") assert.equal(size, known.size, path);
    }
    const repo = await bench(t);
    const { id } = await repo.create(real.home);
    const { coverage } = decodeManifest(readFileSync(join(repo.repo, "snapshots", `${String(id)}.json`)))!;
    const left = coverage.filter(({ root }) => root === "home").map(({ path }) => path);
    const isLeft = (path: string): boolean => left.some((it) => path === it || path.startsWith(`${it}/`));
    for (const { path, backed_up } of inHome) assert.equal(backed_up, !isLeft(path), path);
  });
}

test("links, sockets' kin and locked directories are told, and the rest is listed (3)", async (t) => {
  const { home } = madeHome(t, { sessions: 1, events: 3 });
  symlinkSync("/etc", join(home, "skills-link"));
  symlinkSync("config.toml", join(home, "config-link"));
  mkdirSync(join(home, "locked"));
  chmodSync(join(home, "locked"), 0);
  const ran = await runHere(tool, ["paths", "--home", home]);
  const link = ran.records.find(({ path }) => path === "skills-link")!;
  assert.deepEqual([link["type"], link["backed_up"], link["link"]], ["symlink", false, "/etc"]);
  const followed = ran.records.find(({ path }) => path === "config-link")!;
  assert.deepEqual([followed["type"], followed["backed_up"], followed["link"]], ["file", true, "config.toml"]);
  if (process.getuid?.() !== 0) {
    assert.equal(ran.code, 3);
    assert.match(ran.stderr, /could not read .*locked/);
  }
  assert.ok(ran.records.some(({ path }) => path === "agh.db"));
});
