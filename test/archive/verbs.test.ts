// What agh-archive says and refuses: selection, bad input, places, pipes.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { tool as inspect } from "../../bin/agh-inspect.ts";
import { tool } from "../../bin/agh-archive.ts";
import { madeHome, PROJECT, realHome } from "../support/homes.ts";
import { runHere } from "../support/memory.ts";
import { cleanEnv } from "../support/run.ts";
import { tempDir } from "../support/temp.ts";
import { treeDigest } from "../support/tree.ts";
import { archive, archived, checks, copyOf, ids, removeSessions } from "./bench.ts";

test("the documented pipe runs as it is written: inspect, put, verify", async (t) => {
  const real = realHome(t, "agh-clean");
  if (!real) return;
  const target = path.join(tempDir(t), "archives");
  const [node, bin] = [process.execPath, path.join(PROJECT, "bin")];
  const line = `'${node}' '${bin}/agh-inspect.ts' sessions --state stopped --older-than 30d --now 2027-01-01T00:00:00Z --json --home '${real.home}' | '${node}' '${bin}/agh-archive.ts' put - --to '${target}' | '${node}' '${bin}/agh-archive.ts' verify -`;
  const out = execFileSync("bash", ["-o", "pipefail", "-c", line], { env: cleanEnv(), encoding: "utf8" });
  const records = out
    .trim()
    .split("\n")
    .map((text) => JSON.parse(text) as Record<string, unknown>);
  assert.equal(records.filter(({ kind }) => kind === "archive").length, 10);
  assert.deepEqual([records.at(-1)!["kind"], records.at(-1)!["items"], records.at(-1)!["exit"]], ["summary", 10, 0]);
});

test("nothing named is a usage error, nothing on stdin is nothing to do", async (t) => {
  const { home } = madeHome(t, { sessions: 1 });
  for (const argv of [
    ["put", "--home", home],
    ["get", "--to", home, "--from", home],
    ["verify", "--from", home],
    ["show", "--from", home],
    ["export", "--home", home, "--to", home],
  ]) {
    const { code, stdout } = await archive(...argv);
    assert.deepEqual([argv[0], code, stdout], [argv[0], 2, ""]);
  }
  const { code, records } = await runHere(tool, ["put", "-", "--home", home], { stdin: "" });
  assert.deepEqual([code, records.map(({ kind }) => kind)], [0, ["summary"]]);
  assert.equal(fs.existsSync(path.join(home, "session-archive")), false);
});

test("sessions that claim life are skipped with the reason, the others are archived", async (t) => {
  const real = realHome(t, "agh-killed");
  if (!real) return;
  const put = await archive("put", "--all", "--home", real.home, "--to", path.join(tempDir(t), "archives"));
  assert.equal(put.code, 3);
  const skipped = put.records.filter(({ kind }) => kind === "action");
  assert.equal(skipped.length, 3);
  for (const { state, reason } of skipped) assert.ok(state === "skipped" && /no process/.test(String(reason)));
  assert.ok(ids(put).length > 0);
});

test("a session whose events.db is open elsewhere is skipped", async (t) => {
  const {
    home,
    ids: [id],
  } = madeHome(t, { sessions: 1 });
  const file = path.join(home, "sessions", id!, "events.db");
  const script = `const{DatabaseSync}=require("node:sqlite");const d=new DatabaseSync(process.argv[1]);d.exec("PRAGMA journal_mode=WAL;BEGIN;SELECT count(*) FROM events");d.prepare("SELECT count(*) FROM events").get();console.log("open");setInterval(()=>{},1000)`;
  const child = spawn(process.execPath, ["-e", script, file], { stdio: ["ignore", "pipe", "inherit"] });
  t.after(() => child.kill("SIGKILL"));
  await new Promise((resolve) => child.stdout.once("data", resolve));
  const put = await archive("put", "--all", "--home", home, "--to", path.join(tempDir(t), "archives"));
  assert.equal(put.code, 3);
  assert.match(String(put.records[0]!["reason"]), new RegExp(`open in process ${child.pid}`));
});

test("a corrupt events.db is archived as it lies, and marked; it comes back as it was", async (t) => {
  const {
    home,
    ids: [id],
  } = madeHome(t, { sessions: 1 });
  const file = path.join(home, "sessions", id!, "events.db");
  const bytes = fs.readFileSync(file).fill(0xff, 0, 200);
  fs.writeFileSync(file, bytes);
  const target = path.join(tempDir(t), "archives");
  const put = await archived("put", "--all", "--home", home, "--to", target);
  assert.deepEqual([put.records[0]!["damaged"], put.records[0]!["events"]], ["E_NOT_A_DATABASE", null]);
  await archived("verify", "--all", "--from", target);
  removeSessions(home, [id!]);
  await archive("get", "--all", "--from", target, "--to", home);
  assert.deepEqual(fs.readFileSync(file), bytes);
});

test("a WAL that a stopped session has left goes along and comes back", async (t) => {
  const {
    home,
    ids: [id],
  } = madeHome(t, { sessions: 1, events: 20 });
  const file = path.join(home, "sessions", id!, "events.db");
  const db = new DatabaseSync(file);
  db.exec(
    "PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0; UPDATE events SET agent_name = 'changed' WHERE sequence = 20",
  );
  const pair = ["", "-wal"].map((suffix) => fs.readFileSync(file + suffix));
  db.close();
  for (const [index, suffix] of ["", "-wal"].entries()) fs.writeFileSync(file + suffix, pair[index]!);
  const target = path.join(tempDir(t), "archives");
  await archived("put", "--all", "--home", home, "--to", target);
  removeSessions(home, [id!]);
  await archived("get", "--all", "--from", target, "--to", home);
  const ran = await runHere(inspect, ["events", id!, "--home", home, "--tail", "1"]);
  assert.equal(ran.records[0]!["agent_name"], "changed");
});

test("an unwritable target, and one that is a file, end with 6", async (t) => {
  const { home } = madeHome(t, { sessions: 1 });
  const file = path.join(tempDir(t), "file");
  fs.writeFileSync(file, "");
  for (const target of [file, path.join(file, "below"), "/proc/archives"]) {
    const { code, stderr } = await archive("put", "--all", "--home", home, "--to", target);
    assert.equal(code, 6, `${target}: ${stderr}`);
    assert.match(stderr, /try: /);
  }
  assert.equal((await archive("list", "--from", path.join(tempDir(t), "none"))).code, 6);
});

test("a receipt that lies, a truncated archive and a lost one are found, and get writes nothing", async (t) => {
  const {
    home,
    ids: [id],
  } = madeHome(t, { sessions: 1 });
  const target = path.join(tempDir(t), "archives");
  await archived("put", "--all", "--home", home, "--to", target);
  const file = path.join(target, `${id}.tar.zst`);
  const sound = fs.readFileSync(file);
  const receipt = path.join(target, `${id}.receipt.json`);
  const words = fs.readFileSync(receipt, "utf8");
  const wrongs: [string, () => void][] = [
    ["RECEIPT_DAMAGED", () => fs.writeFileSync(receipt, words.replace(/"count":\d+/, '"count":7'))],
    ["ARCHIVE_DAMAGED", () => fs.writeFileSync(file, sound.subarray(0, sound.length - 10))],
    ["ARCHIVE_MISSING", () => fs.rmSync(file)],
  ];
  removeSessions(home, [id!]);
  const before = treeDigest(home);
  for (const [code, spoil] of wrongs) {
    spoil();
    const ran = await archive("verify", "--all", "--from", target);
    assert.deepEqual([ran.code, ran.records[0]!["code"], ran.records[0]!["id"]], [1, code, id]);
    assert.equal((await archive("get", id!, "--from", target, "--to", home)).code, 6);
    fs.writeFileSync(file, sound);
    fs.writeFileSync(receipt, words);
  }
  for (const name of [".agh-toolkit"]) fs.rmSync(path.join(home, name), { recursive: true, force: true });
  assert.equal(treeDigest(home), before);
});

test("a session that changed since it was archived is not archived over", async (t) => {
  const {
    home,
    ids: [id],
  } = madeHome(t, { sessions: 1 });
  const target = path.join(tempDir(t), "archives");
  await archived("put", "--all", "--home", home, "--to", target);
  const before = treeDigest(target);
  fs.appendFileSync(path.join(home, "sessions", id!, "meta.json"), "\n");
  const again = await archive("put", "--all", "--home", home, "--to", target);
  assert.equal(again.code, 3);
  assert.match(String(again.records[0]!["reason"]), /meta\.json changed/);
  assert.equal(treeDigest(target), before);
});

test("get refuses the whole where something else is, a live daemon, a writable home, another schema", async (t) => {
  const { home, ids: all } = madeHome(t, { sessions: 2 });
  const target = path.join(tempDir(t), "archives");
  await archived("put", "--all", "--home", home, "--to", target);
  removeSessions(home, [all[1]!]);
  const get = (): ReturnType<typeof archive> => archive("get", "--all", "--from", target, "--to", home);
  const meta = path.join(home, "sessions", all[0]!, "meta.json");
  const words = fs.readFileSync(meta);
  fs.writeFileSync(meta, "{}");
  assert.deepEqual([(await get()).code, fs.readFileSync(meta, "utf8")], [4, "{}"]);
  fs.writeFileSync(meta, words);

  fs.chmodSync(home, 0o770);
  assert.match((await get()).stderr, /is writable by others/);
  fs.chmodSync(home, 0o700);

  const daemon = spawn("flock", ["-x", path.join(home, "daemon.lock"), "sh", "-c", "echo held; exec cat"], {
    stdio: ["pipe", "pipe", "ignore"],
  });
  await new Promise((resolve) => daemon.stdout.once("data", resolve));
  assert.match((await get()).stderr, /is running/);
  daemon.stdin.end();
  await new Promise((resolve) => daemon.on("close", resolve));

  const other = copyOf(home, path.join(tempDir(t), "other"));
  const db = new DatabaseSync(path.join(other, "agh.db"));
  db.exec("INSERT INTO schema_migrations (version, name, checksum, applied_at) VALUES (43, 'add_more', 'x', 'now')");
  db.close();
  const refused = await archive("get", "--all", "--from", target, "--to", other);
  assert.equal(refused.code, 4);
  assert.match(refused.stderr, /the archive lacks 43 add_more/);
  assert.equal(fs.existsSync(path.join(home, "sessions", all[1]!)), false);
  assert.equal((await get()).code, 0);
});

test("an orphaned row becomes what it was, a tombstone goes, and the daemon's workspace is there", async (t) => {
  const {
    home,
    ids: [id],
  } = madeHome(t, { sessions: 1 });
  const target = path.join(tempDir(t), "archives");
  await archived("put", "--all", "--home", home, "--to", target);
  fs.rmSync(path.join(home, "sessions", id!), { recursive: true });
  const db = new DatabaseSync(path.join(home, "agh.db"));
  db.exec("UPDATE sessions SET state = 'orphaned', updated_at = '2027-01-01T00:00:00.000000000Z'");
  db.close();
  fs.mkdirSync(path.join(home, ".agh-toolkit/tombstones"), { recursive: true });
  fs.writeFileSync(path.join(home, `.agh-toolkit/tombstones/${id}.json`), "{}");
  const got = await archived("get", "--all", "--from", target, "--to", home);
  assert.deepEqual([got.records[0]!["effective"], got.records[0]!["state"]], ["stopped", "stopped"]);
  assert.deepEqual(fs.readdirSync(path.join(home, ".agh-toolkit/tombstones")), []);
  assert.deepEqual(checks(home), { integrity: ["ok"], foreign: [] });
});

test("directories and tars moved by hand are listed, read as a place, and brought back", async (t) => {
  const real = realHome(t, "agh-clean");
  if (!real) return;
  const target = path.join(real.home, "session-archive");
  const [one, two] = fs.readdirSync(path.join(real.home, "sessions")).filter((name) => name.startsWith("sess-")) as [
    string,
    string,
  ];
  const before = copyOf(real.home, path.join(tempDir(t), "before"));
  fs.mkdirSync(target, { mode: 0o700 });
  fs.renameSync(path.join(real.home, "sessions", one), path.join(target, one));
  execFileSync("tar", ["-C", path.join(real.home, "sessions"), "-czf", path.join(target, `${two}.tar.gz`), two]);
  fs.rmSync(path.join(real.home, "sessions", two), { recursive: true });
  const listed = await archived("list", "--home", real.home);
  assert.deepEqual(
    listed.records.map(({ id, form }) => [id, form]),
    [
      [one, "directory"],
      [two, "tar"],
    ],
  );
  const seen = await runHere(inspect, ["events", "--all", "--home", `archive:${target}`]);
  assert.deepEqual([...new Set(seen.records.map((record) => record["session_id"]))].sort(), [one, two].sort());
  await archived("get", one, two, "--to", real.home);
  for (const id of [one, two])
    for (const name of ["events.db", "meta.json"])
      assert.deepEqual(
        fs.readFileSync(path.join(real.home, "sessions", id, name)),
        fs.readFileSync(path.join(before, "sessions", id, name)),
      );
});

test("what put writes is a tar that tar and zstd read", async (t) => {
  const {
    home,
    ids: [id],
  } = madeHome(t, { sessions: 1 });
  const target = path.join(tempDir(t), "archives");
  await archived("put", "--all", "--home", home, "--to", target);
  const out = tempDir(t);
  execFileSync("tar", ["--zstd", "-xf", path.join(target, `${id}.tar.zst`), "-C", out]);
  assert.deepEqual(
    fs.readFileSync(path.join(out, id!, "session/events.db")),
    fs.readFileSync(path.join(home, "sessions", id!, "events.db")),
  );
});

test("no secret goes into an archive", async (t) => {
  const real = realHome(t, "agh-clean");
  if (!real) return;
  const db = new DatabaseSync(path.join(copyOf(real.home, path.join(tempDir(t), "copy")), "agh.db"));
  const secrets = db
    .prepare("SELECT encrypted_value AS it FROM vault_secrets")
    .all()
    .map((row) => String(row["it"]));
  db.close();
  const [target, out] = [path.join(tempDir(t), "archives"), tempDir(t)];
  const put = await archived("put", "--all", "--home", real.home, "--to", target);
  for (const id of ids(put)) execFileSync("tar", ["--zstd", "-xf", path.join(target, `${id}.tar.zst`), "-C", out]);
  assert.ok(secrets.length > 0);
  for (const name of fs.readdirSync(out, { recursive: true, encoding: "utf8" })) {
    const file = path.join(out, name);
    if (!fs.statSync(file).isFile()) continue;
    const text = fs.readFileSync(file, "latin1");
    assert.ok(!secrets.some((secret) => text.includes(secret)), name);
  }
});
