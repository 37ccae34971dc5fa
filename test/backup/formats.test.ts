// docs/formats.md: the lines that restore without this toolkit, run as they stand there; and format 1 as it was released.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { tool } from "../../bin/agh-backup.ts";
import { decryptWith } from "../../lib/formats/age/age.ts";
import { ageKey } from "../support/age-keys.ts";
import { madeHome, PROJECT, realHome } from "../support/homes.ts";
import { runHere, type Ran } from "../support/memory.ts";
import { queryCopy } from "../support/sqlite-dump.ts";
import { tempDir } from "../support/temp.ts";
import { bench, type Bench } from "./tool.ts";

const DOCUMENT = readFileSync(join(PROJECT, "docs", "formats.md"), "utf8");
const [, PLAIN = "", ENCRYPTED = ""] = DOCUMENT.split(/^## (?:One file|When it)/m);
const linesIn = (text: string): string =>
  [...text.matchAll(/^```sh\n([^]*?)^```$/gm)].map(([, lines]) => lines).join("");

const missing = ["zstd", "jq", "dd", "sha256sum"].filter((name) => spawnSync(name, ["--version"]).error);
const skip = missing.length > 0 && `not here: ${missing.join(", ")}`;

interface FileInSnapshot {
  readonly repo: string;
  readonly snapshot: string;
  readonly file: string;
}

/** Runs the document's lines; returns where the file is. */
function restoreWithShell(t: TestContext, { repo, snapshot, file }: FileInSnapshot): string {
  const work = tempDir(t, "by-hand");
  const out = join(work, "out");
  const env = {
    PATH: process.env["PATH"],
    REPO: repo,
    SNAPSHOT: snapshot,
    FILE: file,
    OUT: out,
    WORK: join(work, "work"),
  };
  mkdirSync(env.WORK);
  const printed = execFileSync("sh", ["-euc", linesIn(PLAIN)], { env, encoding: "utf8" });
  const [digest, computed, checked] = printed.split("\n");
  assert.equal(computed, `${digest}  -`);
  assert.equal(checked, `${out}: OK`);
  return out;
}

type Entry = { readonly path: string; readonly size: number; readonly database?: { readonly copied: string } };

async function entriesOf(repo: Bench): Promise<{ id: string; entries: Entry[] }> {
  const [snapshot, ...entries] = (await repo.ok("show", "latest")).records;
  return { id: String(snapshot!["id"]), entries: entries as unknown as Entry[] };
}

test("the lines of the document bring back a small file and a large one of agh-clean", { skip }, async (t) => {
  const home = realHome(t, "agh-clean")?.home;
  if (!home) return;
  const large = Buffer.alloc((9 << 20) + 77);
  for (let at = 0; at + 4 < large.length; at += 1000) large.writeUInt32LE(at, at);
  writeFileSync(join(home, "logs", "large.log"), large);
  const repo = await bench(t);
  await repo.create(home);
  const { id } = await entriesOf(repo);
  for (const file of ["config.toml", "logs/large.log"]) {
    const out = restoreWithShell(t, { repo: repo.repo, snapshot: id, file });
    assert.ok(readFileSync(out).equals(readFileSync(join(home, file))), file);
    assert.ok(!existsSync(`${out}-wal`));
  }
});

test("the lines of the document bring back a database in use with its WAL", { skip }, async (t) => {
  const { home } = madeHome(t, { sessions: 2, events: 20, live: 1 });
  const repo = await bench(t);
  await repo.create(home);
  const { id, entries } = await entriesOf(repo);
  const pair = entries.find(({ path, database }) => database?.copied === "pair" && path.endsWith("/events.db"))!;
  const out = restoreWithShell(t, { repo: repo.repo, snapshot: id, file: pair.path });
  const query = "SELECT sequence, type FROM events ORDER BY sequence";
  const rows = queryCopy(out, query);
  assert.ok(rows.length > 0);
  assert.deepEqual(rows, queryCopy(join(home, pair.path), query));
});

test("the lines of the document decrypt a repository", { skip }, async (t) => {
  const key = await ageKey(t);
  const repo = await bench(t, "--encrypt-to", key.recipient);
  const { home } = madeHome(t, { sessions: 1, events: 5 });
  await repo.create(home);
  const { id } = await entriesOf(repo);
  const plain = tempDir(t, "plain");
  const bin = await ageCommand(t, key.file, repo.repo);
  const env = { PATH: `${bin}:${process.env["PATH"]}`, REPO: repo.repo, KEY: key.file, PLAIN: plain };
  execFileSync("sh", ["-euc", linesIn(ENCRYPTED)], { env });
  const out = restoreWithShell(t, { repo: plain, snapshot: id, file: "config.toml" });
  assert.ok(readFileSync(out).equals(readFileSync(join(home, "config.toml"))));
});

/** Stands for the `age` command, which is not on every machine: the files are decrypted before, and handed out. */
async function ageCommand(t: TestContext, key: string, repo: string): Promise<string> {
  const bin = tempDir(t, "bin");
  const age = await decryptWith(key);
  for (const file of globSync("{packs/*/*,indexes/*,snapshots/*}", { cwd: repo })) {
    mkdirSync(join(bin, "of", file, ".."), { recursive: true });
    writeFileSync(join(bin, "of", file), await age.decrypt(readFileSync(join(repo, file)), file));
  }
  const script = `#!/bin/sh\n[ "$1 $2 $3" = "-d -i ${key}" ] || exit 1\nexec cat "${bin}/of/$4"\n`;
  writeFileSync(join(bin, "age"), script, { mode: 0o755 });
  return bin;
}

test("format 1 as it was released is read, verified and restored", async (t) => {
  const fixture = join(PROJECT, "test", "fixtures", "repository-1");
  const dir = tempDir(t, "format-1");
  const repo = join(dir, "repo");
  cpSync(join(fixture, "repo"), repo, { recursive: true });
  const ok = async (...argv: string[]): Promise<Ran> => {
    const ran = await runHere(tool, [...argv, "--repo", repo], { env: { TMPDIR: dir } });
    assert.equal(ran.code, 0, ran.stdout + ran.stderr);
    return ran;
  };
  const listed = (await ok("list")).records.map(({ id, tags, parent }) => ({ id, tags, parent }));
  assert.deepEqual(listed, [
    { id: "01M7Z32D406T0EF6B8160FBX64", tags: [], parent: "01M7YZMHG01YC3K67VK0X2HEFM" },
    { id: "01M7YZMHG01YC3K67VK0X2HEFM", tags: ["fixture"], parent: null },
  ]);
  await ok("verify", "--all", "--level", "full");
  const out = join(dir, "out");
  await ok("restore", "latest", "--to", out);
  const entries = (await ok("show", "latest")).records as unknown as Entry[];
  // What SQLite folds together is the same rows, not the same bytes in every version of it.
  const folded = new Set(entries.filter(({ database }) => database?.copied === "pair").map(({ path }) => path));
  assert.ok(folded.size > 0);
  const files = JSON.parse(readFileSync(join(fixture, "files.json"), "utf8")) as Record<string, string>;
  for (const [path, digest] of Object.entries(files).filter(([name]) => !folded.has(name))) {
    assert.equal(
      createHash("sha256")
        .update(readFileSync(join(out, path)))
        .digest("hex"),
      digest,
      path,
    );
  }
  for (const path of [...folded].filter((name) => name.endsWith("/events.db"))) {
    assert.equal(queryCopy(join(out, path), "SELECT count(*) AS count FROM events")[0]!["count"], 6);
  }
  await ok("reindex");
});
