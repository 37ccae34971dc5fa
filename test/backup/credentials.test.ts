// Keys and logins of agents are in no snapshot and no tar unless they were asked for; transcripts are, by default.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, globSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test, type TestContext } from "node:test";
import { zstdDecompressSync } from "node:zlib";
import { tool as inspect } from "../../bin/agh-inspect.ts";
import { frameAt } from "../../lib/formats/repository/pack-frames.ts";
import { decodeManifest, REPOSITORY_FORMAT } from "../../lib/formats/repository/manifest.ts";
import { encodeRepository } from "../../lib/formats/repository/repository.ts";
import { ageKey } from "../support/age-keys.ts";
import { madeHome, PROJECT } from "../support/homes.ts";
import { runHere } from "../support/memory.ts";
import { dumpDatabase, queryCopy } from "../support/sqlite-dump.ts";
import { tempDir } from "../support/temp.ts";
import { treeState, treeDiff } from "../support/tree.ts";
import { CANARY as AGSH_CANARY, madeAgsh, SHAPES, uuid, type Shape } from "../sources/agsh/make-databases.ts";
import { bench, type Bench } from "./tool.ts";

/** Every credential has one of its own. */
const CANARY = "canary-8206";

const CREDENTIALS = [
  "providers/claude/claude/.credentials.json",
  "providers/claude/claude/.claude.json",
  "providers/claude/.claude.json.backup",
  "providers/claude/claude/settings.json",
  "providers/claude/claude/settings.local.json",
  "providers/claude/claude/shell-snapshots/snapshot-bash-1.sh",
  "providers/claude/claude/session-env/u/env.sh",
  "providers/claude/claude/backups/.claude.json.backup.1",
  "providers/codex/codex/auth.json",
  "providers/codex/codex/.credentials.json",
  "providers/codex/codex/config.toml",
  "providers/codex/codex/shell_snapshots/u.1.sh",
  "providers/codex/codex/logs_2.sqlite",
  "providers/codex/onboarding/ws_1/codex/auth.json",
  "providers/opencode/.local/share/opencode/auth.json",
  "providers/opencode/.local/share/opencode/mcp-auth.json",
  "providers/opencode/opencode/opencode.json",
  "providers/gemini/.gemini/oauth_creds.json",
  "providers/gemini/.gemini/google_accounts.json",
  "providers/gemini/.gemini/mcp-oauth-tokens.json",
  "providers/gemini/.gemini/settings.json",
  "providers/gemini/.gemini/.env",
  "providers/qwen-code/.qwen/oauth_creds.json",
  "providers/qwen-code/.qwen/settings.json.orig",
  "providers/pi/.pi/agent/auth.json",
  "providers/pi/.pi/agent/models.json",
  "providers/goose/.config/goose/secrets.yaml",
  "providers/x/.ssh/id_ed25519",
  "providers/x/.aws/config",
  "sessions/SESSION/provider-runtime/pi/auth.json",
  "sessions/SESSION/provider-runtime/pi/models.json",
  "sessions/SESSION/provider-runtime/pi/settings.json",
  "session-archive/old/sess-1/provider-runtime/pi/auth.json",
];

const TRANSCRIPTS = [
  "providers/claude/claude/projects/-home-auth-tokens/11111111-0000-4000-8000-000000000000.jsonl",
  "providers/claude/claude/projects/-home-auth-tokens/u/subagents/agent-1.jsonl",
  "providers/codex/codex/sessions/2026/11/30/rollout-2026-11-30T21-55-42-u.jsonl",
  "providers/gemini/.gemini/tmp/secrets/chats/session-1.jsonl",
  "providers/pi/.pi/agent/sessions/--home--/1_u.jsonl",
  "sessions/SESSION/provider-runtime/pi/sessions/--home--/1_u.jsonl",
];

const OTHERS = ["providers/claude/claude/projects/-home-auth-tokens/u/tool-results/1.txt", "providers/x/oauth.md"];

const OPENCODE = "providers/opencode/.local/share/opencode/opencode.db";
const CODEX = "providers/codex/codex/state_5.sqlite";
const OWN = "providers/x/store";
const PLAIN = "providers/goose/.local/share/goose/sessions/sessions.db";

const SCHEMAS: { readonly [path: string]: string } = {
  [OPENCODE]: `CREATE TABLE session (id TEXT PRIMARY KEY, title TEXT); INSERT INTO session VALUES ('ses_1', 'kept');
    CREATE TABLE account (id TEXT PRIMARY KEY, access_token TEXT, refresh_token TEXT);
    CREATE TABLE account_state (id INTEGER PRIMARY KEY, active_account_id TEXT REFERENCES account(id));
    CREATE TABLE control_account (email TEXT, url TEXT, access_token TEXT, PRIMARY KEY (email, url));
    CREATE TABLE credential (id TEXT PRIMARY KEY, value TEXT NOT NULL);
    CREATE TABLE session_share (session_id TEXT PRIMARY KEY REFERENCES session(id), secret TEXT NOT NULL);
    CREATE INDEX credential_value ON credential (value);
    CREATE TABLE log (text TEXT); CREATE TRIGGER gone AFTER DELETE ON credential BEGIN INSERT INTO log VALUES (old.value); END;
    INSERT INTO account VALUES ('a', '${CANARY}-access', '${CANARY}-refresh'); INSERT INTO account_state VALUES (1, 'a');
    INSERT INTO control_account VALUES ('e', 'u', '${CANARY}-control'); INSERT INTO credential VALUES ('c', '${CANARY}-value');
    INSERT INTO session_share VALUES ('ses_1', '${CANARY}-share'); ANALYZE;`,
  [CODEX]: `PRAGMA auto_vacuum = 2; CREATE TABLE threads (id TEXT PRIMARY KEY, created_at INTEGER, created_at_ms INTEGER);
    CREATE TRIGGER made AFTER INSERT ON threads BEGIN UPDATE threads SET created_at_ms = new.created_at * 1000; END;
    INSERT INTO threads VALUES ('t', 1, NULL); CREATE TABLE remote_control_enrollments (account_id TEXT);
    INSERT INTO remote_control_enrollments VALUES ('${CANARY}-account');`,
  [OWN]: `CREATE TABLE kept (text TEXT); INSERT INTO kept VALUES ('kept');
    CREATE TABLE logins (name TEXT, "Access_Token" TEXT); INSERT INTO logins VALUES ('n', '${CANARY}-own');
    CREATE VIRTUAL TABLE words USING fts5(text); INSERT INTO words VALUES ('kept words');`,
  [PLAIN]: `CREATE TABLE sessions (id TEXT); INSERT INTO sessions VALUES ('kept');`,
};

/** In use and at rest; what was deleted stays in free pages, what is new is in the WAL. */
function makeDatabase(file: string, sql: string, isWal: boolean): void {
  mkdirSync(dirname(file), { recursive: true });
  const db = new DatabaseSync(file);
  db.exec(sql);
  db.exec(
    `CREATE TABLE scrap (text TEXT); INSERT INTO scrap VALUES ('${file.endsWith(".db") && file.includes("goose") ? "" : CANARY}-scrap' || hex(zeroblob(9000))); DROP TABLE scrap`,
  );
  db.exec(`PRAGMA journal_mode=${isWal ? "WAL" : "DELETE"}`);
  db.close();
}

function makeProviders(t: TestContext): { home: string; paths: (list: readonly string[]) => string[] } {
  const { home, ids } = madeHome(t, { sessions: 2, events: 5 });
  const paths = (list: readonly string[]): string[] => list.map((path) => path.replace("SESSION", ids[0]!));
  for (const [at, path] of paths(CREDENTIALS).entries()) put(home, path, `${CANARY}-${at}\n`);
  for (const path of paths(TRANSCRIPTS)) put(home, path, `{"line":1}\n{"line":2}\n`);
  for (const path of OTHERS) put(home, path, "plain\n");
  for (const [path, sql] of Object.entries(SCHEMAS)) makeDatabase(join(home, path), sql, path === OPENCODE);
  const db = new DatabaseSync(join(home, OPENCODE));
  db.exec("PRAGMA wal_autocheckpoint=0");
  db.exec(`INSERT INTO session VALUES ('ses_2', 'in the WAL'); INSERT INTO credential VALUES ('d', '${CANARY}-wal')`);
  t.after(() => db.close());
  return { home, paths };
}

function put(home: string, path: string, text: string): void {
  mkdirSync(dirname(join(home, path)), { recursive: true });
  writeFileSync(join(home, path), text, { mode: 0o600 });
}

/** Files below a directory with the canary in them, dot files as well. */
const leaksIn = (dir: string): string[] =>
  globSync(["**/*", "**/.*", "**/.*/**"], { cwd: dir }).filter(
    (path) => statSync(join(dir, path)).isFile() && readFileSync(join(dir, path), "latin1").includes(CANARY),
  );

/** Every chunk of a repository. */
function* chunksIn(repo: string): Generator<string> {
  for (const pack of globSync("packs/**/*.pack", { cwd: repo })) {
    const bytes = readFileSync(join(repo, pack));
    for (let at = 0, frame = frameAt(bytes, 0); frame; at = frame.offset + frame.length, frame = frameAt(bytes, at)) {
      yield zstdDecompressSync(bytes.subarray(frame.offset, frame.offset + frame.length)).toString("latin1");
    }
  }
}

const coverageOf = (repo: Bench, id: unknown) =>
  decodeManifest(readFileSync(join(repo.repo, "snapshots", `${String(id)}.json`)))!.coverage;

test("by default transcripts are taken, and nothing else of an agent's", async (t) => {
  const { home, paths } = makeProviders(t);
  const repo = await bench(t);
  const before = treeState(home);
  const { id } = await repo.create(home);
  const { records } = await runHere(inspect, ["paths", "--home", home]);
  for (const path of paths(CREDENTIALS)) {
    const record = records.find((one) => one["path"] === path);
    assert.deepEqual([record?.["class"], record?.["backed_up"]], ["provider-credentials", false], path);
  }
  assert.deepEqual(treeDiff(before, treeState(home)), []);
  const restored = await repo.restore();
  for (const path of paths(TRANSCRIPTS))
    assert.equal(readFileSync(join(restored, path), "utf8"), `{"line":1}\n{"line":2}\n`);
  for (const path of [...paths(CREDENTIALS), ...OTHERS, ...Object.keys(SCHEMAS)])
    assert.ok(!existsSync(join(restored, path)), path);
  assert.deepEqual(leaksIn(restored), []);
  for (const chunk of chunksIn(repo.repo)) assert.ok(!chunk.includes(CANARY));
  const gaps = coverageOf(repo, id).filter(({ path }) => path === "providers");
  assert.deepEqual(
    gaps.map((gap) => [gap.class, gap.reason, gap.missing]),
    [
      ["providers", "only on request: --include providers", undefined],
      ["provider-credentials", "only on request: --include provider-credentials", undefined],
    ],
  );
  assert.equal((await repo.create(home))["new_files"], 0);
  // One that is new in a directory of which nothing was taken before.
  put(home, "providers/x/deep/new.jsonl", "{}\n");
  await repo.create(home);
  assert.equal(readFileSync(join(await repo.restore(), "providers/x/deep/new.jsonl"), "utf8"), "{}\n");
  const without = await repo.create(home, "--exclude", "transcripts");
  assert.ok(coverageOf(repo, without["id"]).some(({ path }) => path === "providers"));
  assert.ok(!existsSync(join(await repo.restore(), "providers")));
});

test("restore --into a home puts transcripts back, and leaves logins and databases in use where they are", async (t) => {
  const { home, paths } = makeProviders(t);
  const repo = await bench(t);
  await repo.create(home);
  for (const path of paths(TRANSCRIPTS)) rmSync(join(home, path));
  const wal = readFileSync(join(home, `${OPENCODE}-wal`));
  await repo.ok("restore", "latest", "--into", home, "--apply");
  for (const path of paths(TRANSCRIPTS)) assert.ok(existsSync(join(home, path)), path);
  const stays = [...paths(CREDENTIALS), ...OTHERS, ...Object.keys(SCHEMAS)];
  for (const path of stays) assert.ok(existsSync(join(home, path)), path);
  assert.deepEqual(readFileSync(join(home, `${OPENCODE}-wal`)), wal);
});

test("--include providers: all but logins; databases that hold both are rewritten, once", async (t) => {
  const { home, paths } = makeProviders(t);
  const repo = await bench(t);
  const flags = ["--include", "providers"];
  const first = await repo.create(home, ...flags);
  const restored = await repo.restore();
  assert.deepEqual(leaksIn(restored), []);
  for (const chunk of chunksIn(repo.repo)) assert.ok(!chunk.includes(CANARY));
  for (const path of [...OTHERS, ...paths(TRANSCRIPTS)]) assert.ok(existsSync(join(restored, path)), path);
  for (const path of paths(CREDENTIALS)) assert.ok(!existsSync(join(restored, path)), path);
  const rows = (path: string, sql: string): unknown[][] =>
    queryCopy(join(restored, path), sql).map((row) => Object.values(row));
  assert.deepEqual(rows(OPENCODE, "SELECT id FROM session"), [["ses_1"], ["ses_2"]]);
  assert.deepEqual(rows(OPENCODE, "SELECT count(*) FROM account UNION ALL SELECT count(*) FROM log"), [[0], [0]]);
  assert.deepEqual(rows(CODEX, "SELECT id, created_at_ms FROM threads"), [["t", 1000]]);
  assert.deepEqual(rows(OWN, "SELECT text FROM words WHERE words MATCH 'kept'"), [["kept words"]]);
  for (const path of Object.keys(SCHEMAS)) {
    const schema = (dir: string): unknown =>
      queryCopy(join(dir, path), "SELECT name, sql FROM sqlite_schema ORDER BY name");
    assert.deepEqual(JSON.stringify(schema(restored)), JSON.stringify(schema(home)), path);
  }
  const left = {
    [OPENCODE]: "account, account_state, control_account, credential, session_share",
    [CODEX]: "remote_control_enrollments",
    [OWN]: "logins",
    [PLAIN]: undefined,
  };
  const assertLines = async (id: unknown): Promise<void> => {
    const { records } = await repo.ok("show", String(id));
    for (const [path, tables] of Object.entries(left)) {
      const line = records.find((one) => one.kind === "entry" && one["path"] === path);
      const copied = (line!["database"] as { copied: string }).copied;
      assert.equal(copied, tables === undefined ? "resting" : "rewritten", path);
      const gap = coverageOf(repo, id).find((one) => one.path === path);
      assert.equal(gap?.missing, undefined);
      assert.ok(tables === undefined ? !gap : gap!.reason.includes(tables), path);
    }
  };
  await assertLines(first["id"]);
  const { records: found } = await repo.ok("restore", "latest", "--to", join(repo.dir, "found"));
  const without = found.filter(({ code }) => code === "LOGINS_NOT_RESTORED").map(({ id }) => id);
  assert.deepEqual(without, [CODEX, OPENCODE, OWN]);
  await repo.ok("verify", "--all", "--level", "deep");
  const again = await repo.create(home, ...flags);
  assert.equal(again["new_files"], 0, "what did not change is not rewritten");
  await assertLines(again["id"]);
  const whole = await repo.create(home, ...flags, "--include", "provider-credentials");
  const all = await repo.restore();
  for (const [at, path] of paths(CREDENTIALS).entries())
    assert.equal(readFileSync(join(all, path), "utf8"), `${CANARY}-${at}\n`);
  assert.equal(dumpDatabase(join(all, OPENCODE)).digest, dumpDatabase(join(home, OPENCODE)).digest);
  assert.ok(!coverageOf(repo, whole["id"]).some(({ path }) => path === OPENCODE));
  // What was whole in the parent is not taken over.
  await assertLines((await repo.create(home, ...flags))["id"]);
  assert.deepEqual(leaksIn(await repo.restore()), []);
});

test("the same in a tar, in an encrypted repository, and for a database that is none any more", async (t) => {
  const { home } = makeProviders(t);
  const key = await ageKey(t);
  const repo = await bench(t, "--encrypt-to", key.recipient);
  await repo.create(home, "--include", "providers");
  const restored = await repo.restore("--identity", key.file);
  assert.deepEqual(leaksIn(restored), []);
  const out = tempDir(t);
  const create = `"$0" "$1" create --to - --home "$2" --include providers | tar -xC "$3"`;
  execFileSync("sh", ["-c", create, process.execPath, join(PROJECT, "bin", "agh-backup.ts"), home, out]);
  assert.deepEqual(leaksIn(out), []);
  assert.deepEqual(queryCopy(join(out, CODEX), "SELECT id FROM threads").length, 1);
  // Its header is gone, its pages are not.
  const bytes = readFileSync(join(home, CODEX));
  writeFileSync(join(home, CODEX), Buffer.concat([Buffer.alloc(100), bytes.subarray(100)]));
  put(home, "providers/opencode/opencode-dev.db-wal", `${CANARY}-lone`);
  const plain = await bench(t);
  const ran = await plain.run("create", "--home", home, "--include", "providers");
  assert.equal(ran.code, 3, ran.stderr);
  assert.match(ran.stderr, /state_5\.sqlite cannot be copied without its logins/);
  const [snapshot] = ran.records;
  assert.equal(coverageOf(plain, snapshot!["id"]).find(({ path }) => path === CODEX)?.missing, true);
  assert.deepEqual(leaksIn(await plain.restore()), []);
});

test("agsh and meka: whole by default, without logins where those are excluded", async (t) => {
  for (const shape of ["0.8.0", "0.27.0", "0.42.0"] as Shape[]) {
    assert.ok(shape in SHAPES);
    const { home, file } = madeAgsh(t, { shape, sessions: [{ id: uuid(1), messages: [] }] });
    const repo = await bench(t);
    await repo.create(home);
    const name = file.slice(file.lastIndexOf("/") + 1);
    assert.match(readFileSync(join(await repo.restore(), name), "latin1"), AGSH_CANARY, shape);
    const { id } = await repo.create(home, "--exclude", "provider-credentials");
    const restored = await repo.restore();
    assert.doesNotMatch(readFileSync(join(restored, name), "latin1"), AGSH_CANARY, shape);
    assert.equal(queryCopy(join(restored, name), "SELECT count(*) AS n FROM sessions")[0]!["n"], 1);
    const gap = coverageOf(repo, id).find(({ path }) => path === name);
    assert.match(gap!.reason, /(?:oauth_tokens|provider_credentials): left out: --exclude provider-credentials/);
    const again = await repo.create(home, "--exclude", "provider-credentials");
    // Later versions do not say whether they run: their database is copied each time.
    if (shape === "0.8.0") assert.equal(again["new_files"], 0);
    await repo.ok("verify", "--all", "--level", "deep");
  }
});

test("a repository of format 1 knows no transcripts: they are a part of providers, on request", async (t) => {
  const { home, paths } = makeProviders(t);
  const repo = await bench(t);
  const file = JSON.parse(readFileSync(join(repo.repo, "repository.json"), "utf8")) as Parameters<
    typeof encodeRepository
  >[0];
  assert.equal(file.format, REPOSITORY_FORMAT);
  rmSync(join(repo.repo, "repository.json"));
  const { digest: _, ...rest } = file as typeof file & { digest: string };
  writeFileSync(join(repo.repo, "repository.json"), encodeRepository({ ...rest, format: 1 }));
  assert.equal((await repo.run("create", "--home", home)).code, 4, "nobody makes a format older unseen");
  await repo.ok("trust");
  await repo.create(home);
  const restored = await repo.restore();
  assert.ok(!existsSync(join(restored, "providers")));
  assert.ok(
    existsSync(join(restored, paths(TRANSCRIPTS).at(-1)!)),
    "what lies in a session's directory is the session's",
  );
  await repo.create(home, "--include", "providers");
  assert.ok(existsSync(join(await repo.restore(), TRANSCRIPTS[0]!)));
});
