// agh-vacuum events: which rows go, which stay and why, and that every reader goes on from the ledger.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { tool as backupTool } from "../../bin/agh-backup.ts";
import { tool as ledgerTool } from "../../bin/agh-ledger.ts";
import { madeHome, realHome } from "../support/homes.ts";
import { runHere } from "../support/memory.ts";
import { run } from "../support/run.ts";
import { tempDir } from "../support/temp.ts";
import { assertUntouched, treeState } from "../support/tree.ts";
import {
  assertSameOutput,
  assertTidy,
  change,
  eventsFile,
  keptIn,
  leftIn,
  rowsIn,
  readerOutput,
} from "./purge-checks.ts";
import { actions, archive, editMeta, idsOf, inspect, knownIn, NOW, reconcile, summaryOf, vacuum } from "./world.ts";

const HOUR = 3_600_000;
const now = Date.parse(NOW);

const compare = (home: string) => runHere(ledgerTool, ["compare", "--home", home, "--json"]);

test("agh-clean: what is equal goes, every reader says the same as before, and boot predicts the same", async (t) => {
  const real = realHome(t, "agh-clean");
  if (!real) return;
  const { home } = real;
  const before = await readerOutput(home);
  const kept = knownIn(home).map(({ id }) => [id, keptIn(home, id)] as const);
  const purge = await vacuum(["events", "--grace", "1s", "--apply"], home);
  assert.equal(purge.code, 0, purge.stderr);
  const done = idsOf(actions(purge, "done"));
  assert.equal(done.length, 9);
  assert.match(leftIn(purge)["sess-0e2a07363a40f0c0"]!, /yet to repair/);
  const purged = treeState(home);
  assertSameOutput(before, await readerOutput(home));
  assertUntouched(purged, treeState(home));
  for (const [id, those] of kept) assert.deepEqual(keptIn(home, id), those, id);
  for (const id of done) assert.equal(rowsIn(home, id), 0);
  assertTidy(home);
  const { predicted_bytes, freed_bytes } = summaryOf(purge) as unknown as Record<string, number>;
  assert.ok(freed_bytes! >= predicted_bytes! * 0.95, `${freed_bytes} of ${predicted_bytes}`);
});

test("sessions say purged, from the ledger; compare, reconcile and a drill know it", async (t) => {
  const { home, ids } = madeHome(t, { sessions: 3, events: 12, seed: 3 });
  assert.equal((await vacuum(["events", "--apply"], home)).code, 0);
  for (const { id, effective, state, state_from, resumable } of (await inspect(["sessions"], home))
    .records as never as Record<string, unknown>[]) {
    assert.deepEqual([effective, state, state_from], ["purged", "stopped", "ledger"], String(id));
    assert.match(JSON.stringify(resumable), /stopped session/);
  }
  assert.deepEqual(idsOf((await inspect(["sessions", "--state", "purged"], home)).records), [...ids].sort());
  const compared = await compare(home);
  assert.equal(compared.code, 0, compared.stderr);
  assert.deepEqual(new Set(compared.records.slice(0, -1).map(({ verdict }) => verdict)), new Set(["purged"]));
  const findings = (await reconcile(["check"], home)).records.filter(({ kind }) => kind === "finding");
  assert.deepEqual(
    findings.filter(({ severity, id }) => severity !== "info" && ids.includes(String(id))),
    [],
  );
  const repo = path.join(tempDir(t), "repo");
  for (const args of [["init"], ["create", "--home", home], ["drill"]]) {
    const { code, stderr, records } = await runHere(backupTool, [...args, "--repo", repo, "--json"]);
    assert.equal(code, 0, stderr);
    assert.deepEqual(
      records.filter(({ kind, severity }) => kind === "finding" && severity === "error"),
      [],
    );
  }
});

test("a purged session is archived and comes back as it was", async (t) => {
  const { home, ids } = madeHome(t, { sessions: 2, events: 10, seed: 8 });
  await vacuum(["events", "--apply"], home);
  const before = await readerOutput(home);
  const to = path.join(tempDir(t), "to");
  const put = await archive("put", "--all", "--home", home, "--to", to);
  assert.equal(put.code, 0, put.stderr);
  assert.equal((await vacuum(["sessions", ids[0]!, "--archive", to, "--apply"], home)).code, 0);
  const got = await archive("get", ids[0]!, "--from", to, "--to", home);
  assert.equal(got.code, 0, got.stderr);
  assertSameOutput(before, await readerOutput(home));
});

test("the grace time: 24 h, else what config.toml says, else --grace; by the last event, not by updated_at", async (t) => {
  const { home } = madeHome(t, { sessions: 8, events: 6, seed: 5 });
  const known = knownIn(home);
  const older = (ms: number): string[] => idsOf(known.filter(({ at }) => now - at > ms) as never);
  const config = path.join(home, "config.toml");
  const text = fs.existsSync(config) ? fs.readFileSync(config, "utf8") : "";
  const planned = async (...args: string[]): Promise<string[]> => {
    const plan = await vacuum(["events", ...args], home);
    assert.equal(plan.code, 0, plan.stderr);
    return idsOf(actions(plan, "planned"));
  };
  editMeta(home, known[0]!.id, (meta) => (meta["updated_at"] = "2026-11-21T08:59:00Z"));
  assert.deepEqual(await planned(), older(24 * HOUR));
  fs.writeFileSync(config, `${text}\n[memory.session]\nevents_purge_grace = "480h30m"\n`);
  assert.deepEqual(await planned(), older(480.5 * HOUR));
  assert.deepEqual(await planned("--grace", "40d"), older(960 * HOUR));
  assert.ok(older(960 * HOUR).length < older(480.5 * HOUR).length && older(480.5 * HOUR).length < known.length);
});

test("a config.toml that cannot be read, or says no time, never means the default", async (t) => {
  const { home } = madeHome(t, { sessions: 1, events: 6 });
  const config = path.join(home, "config.toml");
  for (const [text, code] of [
    ["[memory.session\n", 4],
    ['[memory.session]\nevents_purge_grace = "soon"\n', 2],
    ['[memory.session]\nevents_purge_grace = "0s"\n', 2],
    ['[memory.session]\nevents_purge_grace = "-24h"\n', 2],
    ["[memory.session]\nevents_purge_grace = 24\n", 2],
  ] as const) {
    fs.writeFileSync(config, text);
    const ran = await vacuum(["events", "--apply"], home);
    assert.equal(ran.code, code, text);
    assert.match(ran.stderr, /try: fix config\.toml|try: write/, text);
  }
  assert.equal((await vacuum(["events", "--grace", "1 day"], home)).code, 2);
});

test("ended_at: a ledger whose head alone is older is as good as an equal one", async (t) => {
  const { home, ids } = madeHome(t, { sessions: 1, events: 8 });
  editMeta(home, ids[0]!, (meta) => (meta["updated_at"] = "2026-11-20T20:00:00Z"));
  const before = await readerOutput(home);
  const purge = await vacuum(["events", "--apply"], home);
  assert.match(String(actions(purge, "done")[0]?.["reason"]), /ended_at/);
  assertSameOutput(before, await readerOutput(home));
});

test("a plan is what apply does; what drifted since is skipped and stays (3)", async (t) => {
  const { home, ids } = madeHome(t, { sessions: 3, events: 8, seed: 6 });
  const untouched = treeState(home);
  const plan = await vacuum(["events"], home);
  assertUntouched(untouched, treeState(home));
  const [drifted] = ids;
  change(eventsFile(home, drifted!), "UPDATE hook_runs SET outcome = 'failed'");
  const applied = await vacuum(["apply", "-"], home, { stdin: plan.stdout });
  assert.equal(applied.code, 3, applied.stderr);
  assert.deepEqual(idsOf(actions(applied, "skipped")), [drifted]);
  assert.deepEqual(idsOf(actions(applied, "done")), [...ids].filter((id) => id !== drifted).sort());
  assert.equal(rowsIn(home, drifted!), 8);
  const again = await vacuum(["apply", "-"], home, { stdin: plan.stdout });
  assert.equal(again.code, 3);
  assert.equal(actions(again, "done").length, 0);
});

test("a plan that was edited away from what it can be is no plan (2)", async (t) => {
  const { home } = madeHome(t, { sessions: 1, events: 8 });
  const plan = await vacuum(["events"], home);
  const stdin = plan.stdout.replace(/"grace_ms":\d+/, '"grace_ms":"none"');
  assert.equal((await vacuum(["apply", "-"], home, { stdin })).code, 2);
});

test("an empty selection is nothing to do, never everything; a second run finds nothing", async (t) => {
  const { home } = madeHome(t, { sessions: 2, events: 8 });
  const none = await vacuum(["events", "-", "--apply"], home, { stdin: "" });
  assert.deepEqual([none.code, none.records.length], [0, 1], none.stderr);
  await vacuum(["events", "--apply"], home);
  const before = treeState(path.join(home, "sessions"));
  const second = await vacuum(["events", "--apply"], home);
  assert.deepEqual([second.code, second.records.length], [0, 1]);
  assertUntouched(before, treeState(path.join(home, "sessions")));
});

test("rows that lie in a WAL a reader left are counted, compared and kept", async (t) => {
  const { home, ids } = madeHome(t, { sessions: 1, events: 8 });
  const [id] = ids as [string];
  const file = eventsFile(home, id);
  const db = new DatabaseSync(file);
  db.exec("PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0; UPDATE hook_runs SET outcome = 'failed'");
  for (const suffix of ["", "-wal"]) fs.copyFileSync(file + suffix, `${file}.kept${suffix}`);
  db.close();
  for (const suffix of ["", "-wal"]) fs.renameSync(`${file}.kept${suffix}`, file + suffix);
  const before = keptIn(home, id);
  const purge = await vacuum(["events", "--apply"], home);
  assert.equal(purge.code, 0, purge.stderr);
  assert.deepEqual(keptIn(home, id), before);
  assert.equal(rowsIn(home, id), 0);
  assertTidy(home);
});

test("mode, owner and --work-dir: the new file is as the old one, and nothing is left elsewhere", async (t) => {
  const { home, ids } = madeHome(t, { sessions: 1, events: 8 });
  const file = eventsFile(home, ids[0]!);
  fs.chmodSync(file, 0o640);
  if (process.getuid?.() === 0) fs.chownSync(file, 4711, 4712); // others can give nothing away
  const { uid, gid } = fs.statSync(file);
  const dir = tempDir(t);
  const missing = await vacuum(["events", "--work-dir", path.join(dir, "none"), "--apply"], home);
  assert.equal(missing.code, 6, missing.stderr);
  assert.equal(rowsIn(home, ids[0]!), 8);
  const purge = await vacuum(["events", "--work-dir", dir, "--apply"], home);
  assert.equal(purge.code, 0, purge.stderr);
  const now = fs.statSync(file);
  assert.deepEqual([now.mode & 0o7777, now.uid, now.gid], [0o640, uid, gid]);
  assert.deepEqual(fs.readdirSync(dir), []);
});

test("a daemon that runs, and a process that has the database open, are left alone", async (t) => {
  const { home, ids } = madeHome(t, { sessions: 2, events: 8, seed: 9 });
  const lock = spawn("flock", ["-x", path.join(home, "daemon.lock"), "sh", "-c", "echo held; exec cat"]);
  await once(lock.stdout, "data");
  const refused = await vacuum(["events", "--apply"], home);
  lock.stdin.end();
  await once(lock, "close");
  assert.equal(refused.code, 4, refused.stderr);
  const holder = spawn(process.execPath, ["-e", HOLDER, eventsFile(home, ids[0]!)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  await once(holder.stdout, "data");
  const open = await vacuum(["events", "--apply"], home);
  holder.stdin.end();
  await once(holder, "close");
  assert.match(leftIn(open)[ids[0]!]!, /open in process/);
  assert.deepEqual(idsOf(actions(open, "done")), [ids[1]]);
});

const HOLDER = `const { DatabaseSync } = require("node:sqlite");
  const db = new DatabaseSync(process.argv[1]);
  db.exec("PRAGMA journal_mode=WAL"); db.prepare("SELECT count(*) FROM events").get();
  process.stdin.on("end", () => process.exit()).resume();
  console.log("open");`;

test("eight at once do no harm: each session is purged once, losers are told", { timeout: 300_000 }, async (t) => {
  const { home, ids } = madeHome(t, { sessions: 4, events: 8, seed: 10 });
  const before = await readerOutput(home);
  const args = ["events", "--apply", "--json", "--home", home, "--now", NOW, "--lock-timeout", "60s"];
  const ran = await Promise.all(Array.from({ length: 8 }, () => run("vacuum", args, { timeout: 240_000 })));
  for (const { code, stderr } of ran) assert.ok([0, 3, 5].includes(code ?? -1), `${code} ${stderr}`);
  const done = ran.flatMap(({ records }) => records.filter(({ state }) => state === "done").map(({ id }) => id));
  assert.deepEqual(done.sort(), [...ids].sort());
  assertSameOutput(before, await readerOutput(home));
  assertTidy(home);
});

test("the one line of the help does it", async (t) => {
  const { home, ids } = madeHome(t, { sessions: 2, events: 8 });
  const selection = (await inspect(["sessions"], home)).stdout;
  const { code, stderr, stdout } = await run("vacuum", ["events", "-", "--apply", "--now", NOW], { stdin: selection });
  assert.equal(code, 0, stderr);
  assert.equal(stdout.split('"state":"done"').length - 1, ids.length);
});
