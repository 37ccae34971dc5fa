// An agent's own files in a session: transcripts are archived, settings and keys never are, and that is told before a session goes.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { test, type TestContext } from "node:test";
import { zstdDecompressSync } from "node:zlib";
import { tool as archiveTool } from "../../bin/agh-archive.ts";
import { tool as vacuumTool } from "../../bin/agh-vacuum.ts";
import { tool as ledgerTool } from "../../bin/agh-ledger.ts";
import { ArchiveFile } from "../../lib/archive/archive-file.ts";
import { pack, packPathOf } from "../../lib/archive/pack.ts";
import { openCustody } from "../../lib/custody/open-custody.ts";
import { scratchDir } from "../../lib/files/scratch.ts";
import { encodeReceipt } from "../../lib/formats/archive/receipt.ts";
import { openPlace } from "../../lib/places/place.ts";
import { deps } from "../contract/custody-world.ts";
import { madeHome } from "../support/homes.ts";
import { runHere, type Ran } from "../support/memory.ts";
import { tempDir } from "../support/temp.ts";
import { removeSessions } from "./bench.ts";

const NOW = "2027-01-01T00:00:00Z";
const archive = (...argv: string[]): Promise<Ran> => runHere(archiveTool, [...argv, "--json"]);
const vacuum = (home: string, ...argv: string[]): Promise<Ran> =>
  runHere(vacuumTool, ["sessions", ...argv, "--older-than", "0s", "--home", home, "--now", NOW, "--json"]);

/** Below a session's provider-runtime, and whether an archive takes it. */
const FILES: readonly (readonly [name: string, isTaken: boolean])[] = [
  ["settings.json", false],
  ["models.json", false],
  ["auth.json", false],
  ["sessions/2026/one.jsonl", true],
  ["sessions/two.jsonl", true],
  ["pi/agent/auth.json", false],
  ["pi/agent/sessions/three.jsonl", true],
  ["auth.json.bak", false],
  ["keys.jsonl.tmp", false],
  [".env", false],
  ["history.jsonl", true],
  ["state.db", false],
  ["state.db-wal", false],
  ["npm/.npmrc", false],
  ["trace.JSONL", false],
];

const canary = (name: string): string => `canary-${Buffer.from(name).toString("hex")}`;

interface World {
  readonly home: string;
  readonly id: string;
  readonly dir: string;
  readonly target: string;
}

function worldOf(t: TestContext): World {
  const { home, ids } = madeHome(t, { sessions: 1, events: 8 });
  const id = ids[0]!;
  const dir = path.join(home, "sessions", id, "provider-runtime");
  for (const [name] of FILES) {
    fs.mkdirSync(path.dirname(path.join(dir, name)), { recursive: true });
    fs.writeFileSync(path.join(dir, name), `{"key":"${canary(name)}"}\n`);
  }
  return { home, id, dir, target: path.join(tempDir(t), "archives") };
}

const put = ({ home, target }: World): Promise<Ran> => archive("put", "--all", "--home", home, "--to", target);
const excluded = FILES.filter(([, isTaken]) => !isTaken).map(([name]) => name);
const inArchive = (name: string): string => `session/provider-runtime/${name}`;

/** Everything in the target as text, unpacked. */
const textOf = ({ target }: World): string =>
  fs
    .readdirSync(target)
    .map((name) => {
      const bytes = fs.readFileSync(path.join(target, name));
      return (name.endsWith(".zst") ? zstdDecompressSync(bytes) : bytes).toString("latin1");
    })
    .join();

const filesBelow = (dir: string): string[] =>
  fs
    .readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(dir, path.join(entry.parentPath, entry.name)))
    .sort();

test("no key of an agent is in a byte of the archive, or in what any verb prints; the receipt says what was left out", async (t) => {
  const world = worldOf(t);
  const first = await put(world);
  assert.equal(first.code, 0, first.stderr);
  const again = await put(world);
  assert.deepEqual([again.code, again.records[0]!["status"]], [0, "unchanged"]);
  const { id, home, target } = world;
  const lake = path.join(tempDir(t), "lake");
  const ran = [
    first,
    again,
    await archive("list", "--from", target),
    await archive("show", id, "--from", target),
    await archive("verify", "--all", "--from", target),
    await archive("export", "--all", "--home", home, "--to", lake),
  ];
  for (const { code, stderr } of ran) assert.equal(code, 0, stderr);
  const printed = ran.map(({ stdout, stderr }) => stdout + stderr).join();
  const everything = textOf(world);
  for (const [name, isTaken] of FILES) {
    assert.equal(everything.includes(canary(name)), isTaken, name);
    assert.ok(!printed.includes(canary(name)), name);
  }
  const [record] = first.records as unknown as [{ left_out: { path: string; reason: string }[] }];
  assert.deepEqual(record.left_out.map(({ path: name }) => name).sort(), excluded.map(inArchive).sort());
  for (const { reason } of record.left_out) assert.match(reason, /settings, which can hold keys/);
  removeSessions(home, [id]);
  const got = await archive("get", id, "--from", target, "--to", home);
  assert.equal(got.code, 0, got.stderr);
  assert.deepEqual(filesBelow(world.dir), FILES.flatMap(([name, isTaken]) => (isTaken ? [name] : [])).sort());
});

test("keys that change, come or go are no other state of a session; a transcript that does is one", async (t) => {
  const world = worldOf(t);
  const { dir } = world;
  await put(world);
  for (const name of ["auth.json", "new.json"]) fs.writeFileSync(path.join(dir, name), "other");
  fs.rmSync(path.join(dir, "models.json"));
  assert.equal((await put(world)).records[0]!["status"], "unchanged");
  const got = await archive("get", world.id, "--from", world.target, "--to", world.home);
  assert.deepEqual([got.code, fs.readFileSync(path.join(dir, "auth.json"), "utf8")], [0, "other"], got.stderr);
  fs.appendFileSync(path.join(dir, "history.jsonl"), "{}\n");
  const changed = await put(world);
  assert.equal(changed.code, 3);
  assert.match(String(changed.records[0]!["reason"]), /provider-runtime\/history\.jsonl changed/);
});

test("a session that goes at once tells what no archive holds, and one that changed since the plan stays", async (t) => {
  const world = worldOf(t);
  const { home, dir } = world;
  await put(world);
  const required = ["--require", "archived", "--archive", world.target];
  const plan = await vacuum(home, ...required);
  const [action] = plan.records as unknown as [{ state: string; loses: string; subject: { to: string } }];
  assert.deepEqual([plan.code, action.state, action.subject.to], [0, "planned", "nowhere"], plan.stdout);
  for (const name of excluded) assert.ok(action.loses.includes(inArchive(name)), action.loses);
  assert.ok(!action.loses.includes(".jsonl,"), action.loses);
  fs.writeFileSync(path.join(dir, "auth.json"), "a new key");
  const drifted = await runHere(vacuumTool, ["apply", "-", "--home", home, "--now", NOW, "--json"], {
    stdin: plan.stdout,
  });
  assert.equal(drifted.code, 3, drifted.stdout + drifted.stderr);
  assert.ok(fs.existsSync(dir));
  const done = await vacuum(home, ...required, "--apply");
  assert.equal(done.code, 0, done.stdout);
  assert.match(String(done.records[0]!["loses"]), /auth\.json/);
  assert.equal(fs.existsSync(dir), false);
});

test("the trash keeps all of a session", async (t) => {
  const world = worldOf(t);
  const { home, dir } = world;
  const before = filesBelow(dir);
  for (const verb of ["write", "seal"]) await runHere(ledgerTool, [verb, "--all", "--home", home]);
  const elsewhere = path.join(tempDir(t), "none");
  fs.mkdirSync(elsewhere);
  const trashed = await vacuum(home, "--require", "sealed", "--archive", elsewhere, "--apply");
  assert.equal(trashed.code, 0, trashed.stdout + trashed.stderr);
  assert.equal(fs.existsSync(dir), false);
  const restored = await runHere(vacuumTool, ["trash", "restore", "--all", "--home", home, "--json"]);
  assert.equal(restored.code, 0, restored.stdout + restored.stderr);
  assert.deepEqual(filesBelow(dir), before);
});

test("an archive that was made when settings were taken is read, verified and brought back, and proves what it holds", async (t) => {
  const world = worldOf(t);
  const { home, id, dir, target } = world;
  await asBefore(world);
  assert.ok(textOf(world).includes(canary("auth.json")));
  assert.equal((await archive("verify", "--all", "--from", target)).code, 0);
  assert.equal((await put(world)).records[0]!["status"], "unchanged");
  const required = ["--require", "archived", "--archive", target];
  const plan = await vacuum(home, ...required);
  assert.deepEqual([plan.code, plan.records[0]!["loses"]], [0, null], plan.stdout);
  fs.writeFileSync(path.join(dir, "auth.json"), "a new key");
  const other = await vacuum(home, ...required);
  assert.match(String(other.records[0]!["loses"]), /^session\/provider-runtime\/auth\.json: /);
  assert.equal((await archive("get", id, "--from", target, "--to", home)).code, 0);
  assert.equal(fs.readFileSync(path.join(dir, "auth.json"), "utf8"), "a new key");
  removeSessions(home, [id]);
  const got = await archive("get", id, "--from", target, "--to", home);
  assert.equal(got.code, 0, got.stderr);
  assert.deepEqual(filesBelow(dir), FILES.map(([name]) => name).sort());
});

/** Puts the session as versions did that knew no exclusion: all of its files are taken. */
async function asBefore({ home, id, target }: World): Promise<void> {
  fs.mkdirSync(target);
  const opened = await openPlace(home, {}, deps);
  const { custody } = await openCustody(opened, deps);
  for await (const session of opened.source.sessions(opened.home, { ids: [id] }, deps)) {
    const { paths, partition } = custody.inspect(session)!;
    const { schema, of } = custody.rows([id]);
    const versions = { toolkit: "0.1.0", sqlite: "3" };
    const { runtime, root, id: homeId } = opened.home;
    const from = { home: { runtime, root, id: homeId }, session, partition, paths: paths.map(packPathOf), leftOut: [] };
    using scratch = scratchDir({ TMPDIR: path.dirname(target) });
    const context = { signal: deps.signal, made: () => undefined, buffers: ArchiveFile.buffers() };
    const stage = { stage: target, stageLabel: target };
    const request = { ...from, rows: of.get(id)!, schema, versions, ...stage };
    let packed = await pack(request, scratch, context);
    while (!packed) packed = await pack(request, scratch, context); // a database that was written a moment ago
    fs.writeFileSync(path.join(target, `${id}.receipt.json`), encodeReceipt(packed.receipt));
  }
}
