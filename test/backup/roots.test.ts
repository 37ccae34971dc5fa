// What a home names outside itself and that is gone is a finding in every run, not only in the first.
import assert from "node:assert/strict";
import { appendFileSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test, type TestContext } from "node:test";
import { tool as backupTool } from "../../bin/agh-backup.ts";
import { tool as inspectTool } from "../../bin/agh-inspect.ts";
import { madeProject } from "../support/agdd.ts";
import { madeHome } from "../support/homes.ts";
import { runHere } from "../support/memory.ts";
import { bench, type Bench } from "./tool.ts";

interface World {
  readonly home: string;
  readonly repo: Bench;
}

interface Case {
  readonly name: string;
  /** The roots that are found missing. */
  readonly make: (world: World) => string[];
}

const inCatalog = <T>(home: string, use: (db: DatabaseSync) => T): T => {
  using db = new DatabaseSync(join(home, "agh.db"));
  return use(db);
};

const workspaces = (home: string): { id: string; root_dir: string }[] =>
  inCatalog(home, (db) => db.prepare("SELECT id, root_dir FROM workspaces ORDER BY id").all() as never);

const rootOf = (id: string): string => `ws/${id}`;

const CASES: readonly Case[] = [
  {
    name: "one workspace does not exist",
    make: ({ home }) => {
      const [first] = workspaces(home);
      rmSync(first!.root_dir, { recursive: true });
      return [rootOf(first!.id)];
    },
  },
  {
    name: "no workspace exists",
    make: ({ home }) => {
      rmSync(join(dirname(home), "projects"), { recursive: true });
      return workspaces(home).map(({ id }) => rootOf(id));
    },
  },
  {
    name: "a workspace is a file",
    make: ({ home }) => {
      const [first] = workspaces(home);
      rmSync(first!.root_dir, { recursive: true });
      writeFileSync(first!.root_dir, "");
      return [rootOf(first!.id)];
    },
  },
  {
    name: "an additional directory does not exist",
    make: ({ home }) => {
      const [first] = workspaces(home);
      inCatalog(home, (db) =>
        db.prepare("UPDATE workspaces SET add_dirs = ? WHERE id = ?").run('["/gone/away"]', first!.id),
      );
      return [`${rootOf(first!.id)}.`];
    },
  },
  {
    name: "ledger_root does not exist",
    make: ({ home }) => {
      appendFileSync(join(home, "config.toml"), '\n[memory.session]\nledger_root = "/gone/ledgers"\n');
      return ["ledgers"];
    },
  },
  {
    name: "global_dir does not exist",
    make: ({ home }) => {
      appendFileSync(join(home, "config.toml"), '\n[memory]\nglobal_dir = "/gone/memory"\n');
      return ["memory"];
    },
  },
  {
    name: "global_dir is a file",
    make: ({ home, repo }) => {
      writeFileSync(join(repo.dir, "memory"), "");
      appendFileSync(join(home, "config.toml"), `\n[memory]\nglobal_dir = "${repo.dir}/memory"\n`);
      return ["memory"];
    },
  },
];

async function world(t: TestContext): Promise<World> {
  const { home } = madeHome(t, { sessions: 1, events: 4 });
  return { home, repo: await bench(t) };
}

async function assertMissing({ home, repo }: World, roots: readonly string[], name: string): Promise<void> {
  for (const run of ["first", "second"]) {
    const made = await repo.run("create", "--home", home);
    assert.equal(made.code, 3, `${name}, ${run} run: ${made.stderr}`);
    const found = made.records.filter(({ kind }) => kind === "finding");
    assert.deepEqual(
      found.map(({ code, id }) => [code, roots.find((root) => String(id).startsWith(root))]),
      roots.map((root) => ["ROOT_MISSING", root]),
      `${name}, ${run} run`,
    );
    const summary = made.records.at(-1)!;
    assert.deepEqual([summary["status"], summary["failed"]], ["partial", roots.length], name);
  }
  const { records } = await repo.ok("show", "latest");
  assert.equal(records[0]!["complete"], false, name);
  const gaps = records.filter((one) => one.kind === "gap" && one["missing"]);
  assert.deepEqual(
    gaps.map(({ path, code }) => [path, code]),
    roots.map(() => ["", "ROOT_MISSING"]),
    name,
  );
  const tar = await runHere(backupTool, ["create", "--home", home, "--to", "-"], { env: { HOME: "/nowhere" } });
  assert.equal(tar.code, 3, name);
}

test("a root that is gone: a finding in every run (3), in the coverage and in the tar's exit code", async (t) => {
  for (const { name, make } of CASES) {
    const there = await world(t);
    await assertMissing(there, make(there), name);
  }
});

test("AGDD: a storage database that is not where the settings place it", async (t) => {
  const { root } = madeProject(t, { runs: 1 });
  writeFileSync(join(root, ".env"), "AGDD_STORAGE_DB_PATH=/gone/storage.db\n");
  await assertMissing({ home: root, repo: await bench(t) }, ["storage"], "storage");
});

test("inspect paths lists it, and a class that is excluded is no finding", async (t) => {
  const { home, repo } = await world(t);
  const [first] = workspaces(home);
  rmSync(first!.root_dir, { recursive: true });
  const { records } = await runHere(inspectTool, ["paths", "--home", home]);
  const missing = records.find(({ root }) => root === rootOf(first!.id))!;
  assert.deepEqual(
    [missing["exists"], missing["id"], missing["reason"]],
    [false, first!.root_dir, "it does not exist"],
  );
  const made = await repo.create(home, "--exclude", "workspaces");
  assert.equal(made["complete"], true);
});

test("the .agh of an additional directory is taken; an extension that is being installed is named", async (t) => {
  const { home, repo } = await world(t);
  const [first] = workspaces(home);
  const more = join(dirname(home), "more");
  mkdirSync(join(more, ".agh/agents/helper"), { recursive: true });
  writeFileSync(join(more, ".agh/agents/helper/AGENT.md"), "helper");
  writeFileSync(join(more, ".env"), "not AGH's");
  inCatalog(home, (db) =>
    db.prepare("UPDATE workspaces SET add_dirs = ? WHERE id = ?").run(JSON.stringify([more]), first!.id),
  );
  mkdirSync(join(home, "extensions/.agh-extension-stage-1"), { recursive: true });
  await repo.create(home);
  const { records } = await repo.ok("show", "latest");
  const agent = records.find(({ path }) => path === ".agh/agents/helper/AGENT.md")!;
  assert.match(String(agent["root"]), new RegExp(`^ws/${first!.id}\\.[0-9a-f]{8}$`));
  assert.ok(!records.some(({ root, path }) => root === agent["root"] && path === ".env"));
  const stage = records.find(({ path }) => path === "extensions/.agh-extension-stage-1")!;
  assert.deepEqual([stage.kind, stage["missing"]], ["gap", false]);
  const restored = await repo.restore();
  const file = join(restored, ".agh-toolkit/outside", String(agent["root"]), String(agent["path"]));
  assert.equal(readFileSync(file, "utf8"), "helper");
  renameSync(more, `${more}.unmounted`);
  const after = await repo.run("create", "--home", home);
  assert.deepEqual(
    [after.code, after.records[1]!["code"], after.records[1]!["id"]],
    [3, "ROOT_MISSING", agent["root"]],
  );
});
