// Root in another user's home follows links, mounts and settings only to what that user owns.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import {
  appendFileSync,
  chmodSync,
  cpSync,
  linkSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test, type TestContext } from "node:test";
import { tool as inspectTool } from "../../bin/agh-inspect.ts";
import { madeHome } from "../support/homes.ts";
import { runHere } from "../support/memory.ts";
import { tempDir } from "../support/temp.ts";
import { treeState } from "../support/tree.ts";
import { bench, type Bench } from "./tool.ts";

const NOBODY = 65_534;
const SECRET = "a secret of somebody else";
const isRoot = process.getuid?.() === 0;

const give = (path: string, owner = NOBODY): Buffer => execFileSync("chown", ["-hR", `${owner}:${owner}`, path]);

interface World {
  readonly home: string;
  readonly ids: readonly string[];
  /** Root's own directory. */
  readonly roots: string;
  /** A directory of the home's owner. */
  readonly his: string;
  readonly repo: Bench;
}

async function world(t: TestContext): Promise<World> {
  const { home, ids } = madeHome(t, { sessions: 2, events: 5 });
  const [roots, his] = [tempDir(t, "roots"), tempDir(t, "his")];
  for (const dir of [roots, his, dirname(home)]) chmodSync(dir, 0o755);
  mkdirSync(join(roots, "dir"));
  writeFileSync(join(roots, "dir", "AGENT.md"), SECRET);
  cpSync(join(home, "sessions", ids[0]!, "events.db"), join(roots, "events.db"));
  cpSync(join(home, "agh.db"), join(roots, "agh.db"));
  give(dirname(home));
  give(his);
  return { home, ids, roots, his, repo: await bench(t) };
}

function link(home: string, path: string, to: string): string {
  rmSync(join(home, path), { recursive: true, force: true });
  symlinkSync(to, join(home, path));
  give(join(home, path));
  return `home/${path}`;
}

function setting(home: string, text: string): void {
  appendFileSync(join(home, "config.toml"), `\n${text}\n`);
}

interface Case {
  readonly name: string;
  /** What is found. */
  readonly make: (world: World) => string;
}

const FOREIGN: readonly Case[] = [
  { name: "a directory", make: ({ home, roots }) => link(home, "agents/x", join(roots, "dir")) },
  { name: "a file", make: ({ home, roots }) => link(home, "mcp.json", join(roots, "dir/AGENT.md")) },
  {
    name: "events.db",
    make: ({ home, ids, roots }) => link(home, `sessions/${ids[0]!}/events.db`, join(roots, "events.db")),
  },
  { name: "agh.db", make: ({ home, roots }) => link(home, "agh.db", join(roots, "agh.db")) },
  {
    name: "a link of his to a link of his to a file of root's",
    make: ({ home, roots, his }) => {
      symlinkSync(join(roots, "dir/AGENT.md"), join(his, "second"));
      give(his);
      return link(home, "mcp.json", join(his, "second"));
    },
  },
  {
    name: "a file of his in a directory of root's that he may not enter",
    make: ({ home, roots }) => {
      give(join(roots, "dir/AGENT.md"));
      chmodSync(join(roots, "dir"), 0o700);
      return link(home, "mcp.json", join(roots, "dir/AGENT.md"));
    },
  },
  {
    name: "a file of root's in a directory of his",
    make: ({ home, his }) => {
      mkdirSync(join(his, "dir"));
      give(his);
      writeFileSync(join(his, "dir/AGENT.md"), SECRET);
      link(home, "agents/x", join(his, "dir"));
      return "home/agents/x/AGENT.md";
    },
  },
  {
    name: "a file of root's under a second name",
    make: ({ home }) => {
      writeFileSync(join(dirname(home), "victim"), SECRET);
      linkSync(join(dirname(home), "victim"), join(home, "mcp.json"));
      return "home/mcp.json";
    },
  },
  {
    name: "ledger_root",
    make: ({ home, roots }) => (setting(home, `[memory.session]\nledger_root = "${roots}/dir"`), "ledgers"),
  },
  { name: "global_dir", make: ({ home, roots }) => (setting(home, `[memory]\nglobal_dir = "${roots}/dir"`), "memory") },
  {
    name: "a workspace",
    make: ({ home, roots }) => {
      mkdirSync(join(roots, ".agh"));
      writeFileSync(join(roots, ".agh/workspace.toml"), SECRET);
      using db = new DatabaseSync(join(home, "agh.db"));
      const row = db.prepare("UPDATE workspaces SET root_dir = ? WHERE name = 'project-1' RETURNING id").get(roots);
      return `ws/${String(row!["id"])}`;
    },
  },
];

test("what is not the owner's is a finding (3), not read, and the rest is taken", async (t) => {
  if (!isRoot) return t.skip("needs root, in another user's home");
  for (const { name, make } of FOREIGN) {
    const there = await world(t);
    const found = make(there);
    const { home, repo } = there;
    const made = await repo.run("create", "--home", home);
    assert.equal(made.code, 3, `${name}: ${made.stderr}`);
    const findings = made.records.filter(({ kind }) => kind === "finding").map(({ code, id }) => [code, id]);
    assert.deepEqual(findings, [["LINK_FOREIGN", found]], name);
    const restored = await repo.restore();
    assert.equal(spawnSync("grep", ["-rqF", SECRET, restored]).status, 1, name);
  }
});

test("what is the owner's is followed; a file that root left in the home is taken", async (t) => {
  if (!isRoot) return t.skip("needs root, in another user's home");
  const { home, his, repo } = await world(t);
  mkdirSync(join(his, "dir"));
  writeFileSync(join(his, "dir/AGENT.md"), "his own");
  give(his);
  link(home, "agents/x", join(his, "dir"));
  writeFileSync(join(home, "logs", "by-root.log"), "by root");
  const made = await repo.create(home);
  assert.equal(made["complete"], true);
  const restored = await repo.restore();
  assert.equal(readFileSync(join(restored, "agents/x/AGENT.md"), "utf8"), "his own");
  assert.equal(readFileSync(join(restored, "logs/by-root.log"), "utf8"), "by root");
});

test("readers are not led astray either: a session's database, the catalog, config.toml", async (t) => {
  if (!isRoot) return t.skip("needs root, in another user's home");
  const { home, ids, roots } = await world(t);
  link(home, `sessions/${ids[0]!}/events.db`, join(roots, "events.db"));
  const events = await runHere(inspectTool, ["events", ids[0]!, "--home", home]);
  assert.notEqual(events.code, 0);
  assert.match(events.stderr, /another user/);
  link(home, "config.toml", join(roots, "dir/AGENT.md"));
  const paths = await runHere(inspectTool, ["paths", "--home", home]);
  assert.equal(paths.code, 3);
  assert.doesNotMatch(paths.stdout + paths.stderr, /a secret/);
});

test("nothing is read through a link that comes while the snapshot is made", async (t) => {
  if (!isRoot) return t.skip("needs root, in another user's home");
  const { home, roots, repo } = await world(t);
  const name = join(home, "agents/swapped");
  writeFileSync(`${name}.real`, "his own");
  give(home);
  const swap = `while :; do ln -sfn ${roots}/dir/AGENT.md ${name}; ln -f ${name}.real ${name}; ln -sfn ${roots}/dir ${home}/agents/way; rm -f ${home}/agents/way; mkdir -p ${home}/agents/way; echo x > ${home}/agents/way/AGENT.md; rm -rf ${home}/agents/way; done`;
  const { spawn } = await import("node:child_process");
  const attacker = spawn("sh", ["-c", swap], { uid: NOBODY, gid: NOBODY, stdio: "ignore" });
  try {
    for (let run = 0; run < 10; run++) {
      const made = await repo.run("create", "--home", home);
      assert.ok([0, 3].includes(made.code), made.stderr);
      const restored = await repo.restore();
      assert.equal(spawnSync("grep", ["-rqF", SECRET, restored]).status, 1);
    }
  } finally {
    attacker.kill("SIGKILL");
  }
  assert.ok(treeState(roots).size > 0);
});
