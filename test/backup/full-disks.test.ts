// A disk that is full or read-only: the message names the place that refuses and what was being done there, never the wrong one, never scratch.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { madeHome, PROJECT } from "../support/homes.ts";
import { bench } from "./tool.ts";

const canMount = spawnSync("unshare", ["-rm", "true"]).status === 0;

interface World {
  readonly home: string;
  readonly ids: readonly string[];
  readonly repo: string;
  readonly dir: string;
}

interface FullDisk {
  readonly name: string;
  /** The directory that lies on the full disk. */
  readonly full: (world: World) => string;
  readonly prepare?: (world: World) => void;
  readonly argv: (world: World) => readonly string[];
  /** TMPDIR, where it is another than the world's. */
  readonly tmp?: (world: World) => string;
  readonly isReadOnly?: true;
  /** What the message begins with, behind the tool's name; the full directory unless given. */
  readonly deed: RegExp;
  readonly code?: number;
}

const repoOf = ({ repo }: World): string => repo;
const homeOf = ({ home }: World): string => home;
const below = (name: string) => (world: World) => join(world.dir, name);
const ran = (tool: string, ...argv: readonly string[]): void => {
  const done = spawnSync(process.execPath, [join(PROJECT, "bin", `${tool}.ts`), ...argv], { encoding: "utf8" });
  assert.ok(done.status === 0 || done.status === 3, `${argv.join(" ")}: ${done.stderr}`);
};

const CASES: readonly FullDisk[] = [
  {
    name: "create",
    full: repoOf,
    argv: ({ home, repo }) => ["agh-backup", "create", "--home", home, "--repo", repo],
    deed: /could not write (?:to )?/,
  },
  {
    name: "copy",
    full: below("other"),
    prepare: ({ dir }) => ran("agh-backup", "init", "--repo", join(dir, "other")),
    argv: ({ dir, repo }) => ["agh-backup", "copy", "--all", "--repo", repo, "--to-repo", join(dir, "other")],
    deed: /could not write (?:to )?/,
  },
  {
    name: "reindex",
    full: repoOf,
    prepare: ({ repo }) => {
      for (const name of readdirSync(join(repo, "indexes"))) rmSync(join(repo, "indexes", name));
    },
    argv: ({ repo }) => ["agh-backup", "reindex", "--repo", repo],
    deed: /could not (?:write|lock) (?:to )?/,
  },
  {
    name: "drill, its result",
    full: repoOf,
    argv: ({ repo }) => ["agh-backup", "drill", "--repo", repo],
    deed: /could not write (?:to )?/,
  },
  {
    name: "drill, its scratch",
    full: below("tmp"),
    tmp: below("tmp"),
    argv: ({ repo }) => ["agh-backup", "drill", "--repo", repo],
    deed: /could not write temporary files to /,
  },
  {
    name: "verify, its scratch",
    full: below("tmp"),
    tmp: below("tmp"),
    argv: ({ repo }) => ["agh-backup", "verify", "--all", "--level", "deep", "--repo", repo],
    deed: /could not write temporary files to /,
  },
  {
    name: "a place in a backup",
    full: below("tmp"),
    tmp: below("tmp"),
    argv: ({ repo, ids }) => ["agh-inspect", "events", ids[0]!, "--home", `backup:${repo}@latest`],
    deed: /could not write temporary files to /,
  },
  {
    name: "restore --to",
    full: below("out"),
    argv: ({ repo, dir }) => ["agh-backup", "restore", "latest", "--to", join(dir, "out", "home"), "--repo", repo],
    deed: /could not (?:write|create) (?:below )?/,
  },
  {
    name: "restore --into",
    full: homeOf,
    prepare: ({ home, ids }) => rmSync(join(home, "sessions", ids[0]!), { recursive: true }),
    argv: ({ home, repo, ids }) => [
      "agh-backup",
      "restore",
      "latest",
      "--session",
      ids[0]!,
      "--into",
      home,
      "--apply",
      "--repo",
      repo,
    ],
    deed: /could not \w+ (?:below |to )?/,
  },
  {
    name: "archive put",
    full: below("archives"),
    argv: ({ home, ids, dir }) => ["agh-archive", "put", ids[0]!, "--home", home, "--to", join(dir, "archives")],
    deed: /could not write (?:temporary files to |to |below )?/,
  },
  {
    name: "archive get",
    full: homeOf,
    prepare: ({ home, ids, dir }) => {
      ran("agh-archive", "put", ids[0]!, "--home", home, "--to", join(dir, "archives"));
      rmSync(join(home, "sessions", ids[0]!), { recursive: true });
    },
    argv: ({ home, ids, dir }) => ["agh-archive", "get", ids[0]!, "--to", home, "--from", join(dir, "archives")],
    deed: /could not \w+ (?:below |to )?/,
  },
  {
    name: "ledger write",
    full: homeOf,
    prepare: ({ home, ids }) => dropLedgers(home, ids),
    argv: ({ home, ids }) => ["agh-ledger", "write", ids[0]!, "--home", home],
    deed: /could not \w+ (?:below |to )?/,
  },
  {
    name: "vacuum compact",
    full: homeOf,
    prepare: ({ home }) => {
      const db = new DatabaseSync(join(home, "agh.db"));
      db.exec(
        "CREATE TABLE junk (x); INSERT INTO junk SELECT zeroblob(60000) FROM (VALUES (1),(2),(3),(4)); DROP TABLE junk; PRAGMA wal_checkpoint(TRUNCATE)",
      );
      db.close();
    },
    argv: ({ home }) => ["agh-vacuum", "compact", "--apply", "--home", home],
    deed: /rewriting the database needs|could not \w+ /,
  },
  {
    name: "create, read-only",
    full: repoOf,
    isReadOnly: true,
    argv: ({ home, repo }) => ["agh-backup", "create", "--home", home, "--repo", repo],
    deed: /could not write (?:to )?/,
  },
];

function dropLedgers(home: string, ids: readonly string[]): void {
  for (const name of readdirSync(join(home, "sessions"))) {
    if (!ids.includes(name)) rmSync(join(home, "sessions", name), { recursive: true });
  }
}

function runFull({ full, prepare, argv, tmp, isReadOnly }: FullDisk, world: World) {
  prepare?.(world);
  const dir = full(world);
  mkdirSync(dir, { recursive: true });
  renameSync(dir, `${dir}.keep`);
  mkdirSync(dir, { mode: 0o700 });
  const script = `
    mount -t tmpfs -o size=8m,mode=700 tmpfs "$0" && cp -a "$0.keep/." "$0/" || exit 99
    ${isReadOnly ? 'mount -o remount,ro "$0" || exit 99' : 'dd if=/dev/zero of="$0/.filler" bs=4k 2>/dev/null'}
    "$@"`;
  const [tool, ...rest] = argv(world);
  const command = [process.execPath, join(PROJECT, "bin", `${tool}.ts`), ...rest];
  const env = { ...process.env, HOME: join(world.dir, "nobody"), TMPDIR: tmp?.(world) ?? world.dir };
  const done = spawnSync("unshare", ["-rm", "sh", "-c", script, dir, ...command], { encoding: "utf8", env });
  assert.notEqual(done.status, 99, done.stderr);
  return { dir, code: done.status, output: messagesOf(done.stdout) + done.stderr };
}

/** What a verb says of one item among many is a record. */
const messagesOf = (stdout: string): string =>
  stdout
    .split("\n")
    .filter(Boolean)
    .map((line) => `${String((JSON.parse(line) as { message?: unknown }).message ?? "")}\n`)
    .join("");

for (const one of CASES) {
  test(`${one.name}: the place that is full is named`, async (t) => {
    if (!canMount) return t.skip("needs unshare -rm");
    const { home, ids } = madeHome(t, { sessions: 2, events: 20 });
    const bare = await bench(t);
    if (one.name !== "create" && one.name !== "create, read-only") await bare.create(home);
    const { dir, code, output } = runFull(one, { home, ids, repo: bare.repo, dir: bare.dir });
    const seen = `exit ${code}: ${output}`;
    assert.ok(code === (one.code ?? 6) || code === 3, seen);
    const words = one.isReadOnly ? /read-only file system/ : /no space left on device|0 bytes are free/;
    const line = output.split("\n").find((each) => words.test(each)) ?? "";
    assert.ok(line !== "", seen);
    assert.match(line.replace(/^[a-z-]+: /, ""), one.deed, seen);
    assert.ok(line.includes(dir), seen);
    assert.doesNotMatch(output, /agh-toolkit-[0-9a-f]+-\d+/, seen);
  });
}
