// The one line that retires a selection, over homes the real runtime wrote and in real pipes, and the way back.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { holdFlock } from "../../lib/files/flock.ts";
import { encodeSealed } from "../../lib/formats/sealed-json.ts";
import { ulid } from "../../lib/formats/ulid.ts";
import { homeId } from "../../lib/places/home-id.ts";
import { madeHome, PROJECT, realHome } from "../support/homes.ts";
import { cleanEnv, run } from "../support/run.ts";
import { tempDir } from "../support/temp.ts";
import {
  actions,
  archive,
  idsOf,
  inspect,
  knownIn,
  putAll,
  reconcile,
  sessionDirs,
  stateOf,
  tombstones,
  vacuum,
} from "./world.ts";

const command = (tool: string): string => `"${process.execPath}" "${path.join(PROJECT, `bin/agh-${tool}.ts`)}"`;

/** `agh-inspect … | agh-archive put - | agh-vacuum sessions - --apply`, through a shell. */
function oneLine(home: string, target: string): string {
  const line = [
    `${command("inspect")} sessions --state stopped --home "${home}" --json`,
    `${command("archive")} put - --to "${target}"`,
    `${command("vacuum")} sessions - --apply`,
  ].join(" | ");
  return execFileSync("sh", ["-c", line], { env: cleanEnv(), encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
}

test("agh-clean: all stopped sessions retired in one line, listed as archived, and back: home equals home", async (t) => {
  const real = realHome(t, "agh-clean");
  if (!real) return;
  const { home } = real;
  const target = path.join(tempDir(t), "archives");
  const before = stateOf(home);
  const ids = sessionDirs(home).toSorted();
  const lines = oneLine(home, target)
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.deepEqual(
    lines
      .filter(({ kind }) => kind === "action")
      .map(({ id, state }) => `${String(id)} ${String(state)}`)
      .sort(),
    ids.map((id) => `${id} done`),
  );
  const { freed_bytes: freed, predicted_bytes: predicted, exit } = lines.at(-1)!;
  assert.ok(exit === 0 && Number(predicted) > 0 && Number(freed) >= 0.95 * Number(predicted));
  assert.deepEqual([sessionDirs(home), tombstones(home)], [[], ids.map((id) => `${id}.json`)]);
  const listed = (await inspect(["sessions"], home)).records;
  assert.deepEqual(
    listed.map(({ effective }) => effective),
    ids.map(() => "archived"),
  );
  const shown = (await inspect(["show", ids[0]!], home)).records.find(({ kind }) => kind === "tombstone");
  assert.deepEqual([shown!["target"], typeof shown!["sha256"]], [target, "string"]);
  const errors = (await reconcile(["check", "--fail-on", "error"], home)).records.filter(
    ({ severity }) => severity === "error",
  );
  assert.deepEqual(errors, []);
  const [boot] = (await reconcile(["boot"], home)).records;
  assert.equal(boot!["starts"], true);
  const back = await archive("get", "--all", "--from", target, "--to", home);
  assert.equal(back.code, 0, back.stderr);
  assert.deepEqual([stateOf(home), tombstones(home)], [before, []]);
});

test("a running daemon: the plan is made, the deed refused", async (t) => {
  const { home } = madeHome(t, { sessions: 2, events: 4, seed: 3 });
  await putAll(home);
  const before = stateOf(home);
  const daemon = await holdFlock(path.join(home, "daemon.lock"), 10_000);
  assert.ok(daemon);
  const plan = await vacuum(["sessions", "--older-than", "0s"], home);
  const refused = await vacuum(["sessions", "--older-than", "0s", "--apply"], home);
  await daemon.release();
  assert.deepEqual([plan.code, actions(plan, "planned").length], [0, 2], plan.stderr);
  assert.equal(refused.code, 4);
  assert.match(refused.stderr, /the daemon of .* is running/);
  assert.deepEqual(stateOf(home), before);
});

test("another user may write to the home: refused", async (t) => {
  const { home } = madeHome(t, { sessions: 2, events: 4, seed: 3 });
  await putAll(home);
  fs.chmodSync(home, 0o777);
  const refused = await vacuum(["sessions", "--older-than", "0s", "--apply"], home);
  assert.deepEqual([refused.code, sessionDirs(home).length], [4, 2]);
});

test("a copy that is no live place cannot be vacuumed", async (t) => {
  const { home } = madeHome(t, { sessions: 2, events: 4, seed: 3 });
  const put = await putAll(home);
  const place = `archive:${path.join(home, "session-archive")}`;
  const { code, stderr } = await vacuum(["sessions", "--older-than", "0s", "--apply"], place);
  assert.equal(code, 2, stderr);
  assert.equal(put.code, 0);
});

test("a ledger root elsewhere: ledgers go with their sessions, and come back", async (t) => {
  const { home } = madeHome(t, { sessions: 3, events: 4, seed: 3 });
  const root = path.join(tempDir(t), "ledgers");
  fs.mkdirSync(root);
  for (const name of fs.readdirSync(path.join(home, "sessions"))) {
    if (name.startsWith("ws_")) fs.renameSync(path.join(home, "sessions", name), path.join(root, name));
  }
  fs.writeFileSync(path.join(home, "config.toml"), `[memory.session]\nledger_root = "${root}"\n`);
  const ledgers = (): string[] =>
    fs
      .readdirSync(root, { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".jsonl"))
      .toSorted();
  const before = ledgers();
  assert.equal(before.length, 3);
  await putAll(home);
  const done = await vacuum(["sessions", "--older-than", "0s", "--apply"], home);
  assert.deepEqual([done.code, ledgers()], [0, []], done.stderr);
  const back = await archive("get", "--all", "--to", home);
  assert.deepEqual([back.code, ledgers()], [0, before], back.stderr);
});

test("get finds by the tombstone where a session was archived", async (t) => {
  const { home, ids } = madeHome(t, { sessions: 3, events: 4, seed: 3 });
  const [one, two] = [path.join(tempDir(t), "one"), path.join(tempDir(t), "two")];
  await putAll(home, ids.slice(0, 1), one);
  await putAll(home, ids.slice(1), two);
  for (const [target, some] of [
    [one, ids.slice(0, 1)],
    [two, ids.slice(1)],
  ] as const) {
    const done = await vacuum(["sessions", ...some, "--archive", target, "--apply"], home);
    assert.equal(done.code, 0, done.stderr);
  }
  const dry = await archive("get", ids[0]!.slice(0, 12), "--to", home, "--dry-run");
  assert.deepEqual([dry.code, idsOf(actions(dry))], [0, [ids[0]]], dry.stderr);
  const back = await archive("get", ...ids, "--to", home);
  assert.deepEqual([back.code, knownIn(home).length, tombstones(home)], [0, 3, []], back.stderr);
});

test("eight at once: each session goes once, losers are busy, no lock stays", async (t) => {
  const { home, ids } = madeHome(t, { sessions: 6, events: 4, seed: 3 });
  await putAll(home);
  const args = ["sessions", "--older-than", "0s", "--apply", "--home", home, "--now", "2026-11-21T09:00:00Z"];
  const all = await Promise.all(
    Array.from({ length: 8 }, (_, i) =>
      run("vacuum", [...args, "--lock-timeout", i % 2 === 0 ? "1ms" : "1h"], { timeout: 3_600_000 }),
    ),
  );
  const done = all.flatMap(({ records }) =>
    records.filter(({ state }) => state === "done").map(({ id }) => String(id)),
  );
  assert.deepEqual(done.toSorted(), ids.toSorted());
  // The slow ones plan before the first has the lock: then they find its sessions gone (3), or the lock taken (5).
  for (const { code, stderr } of all) assert.ok([0, 3, 5].includes(code ?? -1), `${code}: ${stderr}`);
  assert.deepEqual([sessionDirs(home), tombstones(home).length], [[], 6]);
  const after = await run("vacuum", args, { timeout: 3_600_000 });
  assert.equal(after.code, 0, after.stderr);
  const back = await archive("get", "--all", "--to", home);
  assert.deepEqual([back.code, knownIn(home).length], [0, 6], back.stderr);
});

test("on a terminal the plan is a table, and says what to do", async (t) => {
  const { home } = madeHome(t, { sessions: 2, events: 4, seed: 3 });
  await putAll(home);
  const { stdout, code } = await run("vacuum", ["sessions", "--older-than", "0s", "--home", home], { tty: true });
  assert.equal(code, 0, stdout);
  assert.match(stdout, /retire-session/);
  assert.match(stdout, /planned/);
});

test("the selection's order and repetition do not matter", async (t) => {
  const { home, ids } = madeHome(t, { sessions: 3, events: 4, seed: 3 });
  await putAll(home);
  const twice = await vacuum(["sessions", ...ids, ...ids.toReversed()], home);
  assert.deepEqual(idsOf(actions(twice, "planned")), ids.toSorted(), twice.stderr);
});

/** What version 0.1 left of a killed retirement of one session: absolute paths, and no word on what they were. */
function leaveJournal(home: string, id: string, homeOf: string): { readonly dir: string; readonly place: string } {
  const run = ulid(new Date());
  const dir = path.join(home, ".agh-toolkit/journal", run);
  fs.mkdirSync(dir, { recursive: true, mode: 0o700 });
  const place = path.join(home, "sessions", id);
  const steps = [{ do: "aside", path: place, to: path.join(dir, "gone/sessions", id) }];
  const { bytes } = encodeSealed({ format: 1, run, tool: "agh-vacuum sessions", home_id: homeOf, steps });
  fs.writeFileSync(path.join(dir, "journal.json"), bytes, { mode: 0o600 });
  return { dir, place };
}

test("a retirement that was killed is ended by whichever command changes the home next", async (t) => {
  const enders = [
    (home: string) => reconcile(["plan", "--apply"], home),
    (home: string) => archive("get", "--all", "--to", home),
    (home: string) => vacuum(["sessions", "-", "--apply"], home),
  ];
  for (const end of enders) {
    const { home, ids } = madeHome(t, { sessions: 2, events: 4, seed: 3 });
    await putAll(home);
    fs.writeFileSync(path.join(home, "daemon.json.tmp-1"), "{");
    const { dir, place } = leaveJournal(home, ids[0]!, homeId("agh", fs.realpathSync(home)));
    const ended = await end(home);
    assert.equal(ended.code, 0, ended.stderr);
    assert.ok(!fs.existsSync(dir));
    const isBack = fs.existsSync(place);
    assert.equal(
      isBack,
      ended.records.some(({ kind }) => kind === "session"),
      "get brings it back, the others do not",
    );
  }
});

test("a journal of another home is not obeyed: refused, with the way on", async (t) => {
  const { home, ids } = madeHome(t, { sessions: 2, events: 4, seed: 3 });
  await putAll(home);
  const { place } = leaveJournal(home, ids[0]!, "0123456789abcdef");
  const refused = await vacuum(["sessions", "--older-than", "0s", "--apply"], home);
  assert.deepEqual([refused.code, fs.existsSync(place)], [4, true]);
  assert.match(refused.stderr, /written for the home 0123456789abcdef/);
  assert.match(refused.stderr, /agh-reconcile undo /);
});
