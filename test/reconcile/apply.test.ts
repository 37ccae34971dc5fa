// Plans, saved and applied: exactly what they say, by nobody else at the same time, and every wrong input has its error.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { tool } from "../../bin/agh-reconcile.ts";
import { makeHome } from "../../scripts/make-home/home.ts";
import { sql } from "../sources/agh/boot-world.ts";
import { madeHome } from "../support/homes.ts";
import { runHere } from "../support/memory.ts";
import { run } from "../support/run.ts";
import { strength } from "../support/strength.ts";
import { inTempDir } from "../support/temp.ts";
import { leaveIn, NOW, ofKind, reconcile, stateOf, summaryOf } from "./run-reconcile.ts";

function damageHome(home: string, ids: readonly string[]): void {
  leaveIn(home, ids[0]!, "REL");
  sql(join(home, "agh.db"), "PRAGMA foreign_keys = OFF; DELETE FROM workspaces");
  chmodSync(join(home, "agh.db"), 0o644);
  writeFileSync(join(home, "daemon.json.tmp-1"), "{");
}

const brief = (ran: Parameters<typeof ofKind>[0]): string[] =>
  ofKind(ran, "action").map(({ verb, id, subject }) => JSON.stringify([verb, id, subject]));

test("a second run does nothing, and writes nothing", async (t) => {
  const { home, ids } = madeHome(t, { sessions: 3 });
  damageHome(home, ids);
  assert.equal((await reconcile(["plan", "--apply"], home)).code, 0);
  const before = stateOf(home);
  const again = await reconcile(["plan", "--apply"], home);
  assert.deepEqual([again.code, ofKind(again, "action"), stateOf(home)], [0, [], before]);
});

test("a saved plan: its lines alone are done; what was done already is skipped, and named", async (t) => {
  const { home, ids } = madeHome(t, { sessions: 3 });
  damageHome(home, ids);
  const plan = await reconcile(["plan"], home);
  const chmod = plan.stdout.split("\n").filter((line) => line.includes('"verb":"chmod"'));
  assert.equal(chmod.length, 1);
  const file = join(dirname(home), "plan.jsonl");
  writeFileSync(file, `${chmod[0]}\n`, { mode: 0o600 });
  const one = await reconcile(["apply", file], home);
  assert.deepEqual([one.code, ofKind(one, "action").map(({ verb, state }) => [verb, state])], [0, [["chmod", "done"]]]);
  const twice = await reconcile(["apply", file], home);
  assert.deepEqual([twice.code, ofKind(twice, "action")[0]!["state"]], [3, "skipped"]);
  const rest = await reconcile(["apply", "-"], home, plan.stdout);
  assert.equal(rest.code, 3);
  assert.deepEqual(
    ofKind(rest, "action")
      .filter(({ state }) => state === "skipped")
      .map(({ verb }) => verb),
    ["chmod"],
  );
  assert.deepEqual(ofKind(await reconcile(["plan"], home), "action"), []);
});

test("what has drifted since the plan is left alone", async (t) => {
  const { home, ids } = madeHome(t, { sessions: 3 });
  leaveIn(home, ids[0]!, "REL");
  const plan = await reconcile(["plan"], home);
  const meta = join(home, "sessions", ids[0]!, "meta.json");
  writeFileSync(meta, "someone is mending it by hand");
  const ran = await reconcile(["apply", "-"], home, plan.stdout);
  assert.deepEqual([ran.code, ofKind(ran, "action")[0]!["state"]], [3, "skipped"]);
  assert.equal(readFileSync(meta, "utf8"), "someone is mending it by hand");
});

test("wrong inputs: another home's plan, an unknown verb, an unknown run, a changed home, a home that is no directory", async (t) => {
  const [{ home, ids }, other] = [madeHome(t, { sessions: 2 }), madeHome(t, { sessions: 2 })];
  damageHome(home, ids);
  const plan = await reconcile(["plan"], home);
  const before = stateOf(other.home);
  const guest = await reconcile(["apply", "-"], other.home, plan.stdout);
  assert.deepEqual([guest.code, guest.stdout], [4, ""]);
  assert.match(guest.stderr, /made for another home/);
  assert.deepEqual(stateOf(other.home), before);
  const verb = await reconcile(["apply", "-"], home, plan.stdout.replace('"verb":"chmod"', '"verb":"destroy"'));
  assert.deepEqual([verb.code, /"destroy"/.test(verb.stderr)], [2, true]);
  const cut = await reconcile(["apply", "-"], home, plan.stdout.slice(0, 200));
  assert.equal(cut.code, 2);
  for (const run of ["01ARZ3NDEKTSV4RRFFQ69G5FAV", "../../etc", "x"]) {
    const unknown = await reconcile(["undo", run, "--apply"], home);
    assert.deepEqual([unknown.code, unknown.stdout], [2, ""]);
  }
  const applied = await reconcile(["plan", "--apply"], home);
  sql(join(home, "agh.db"), "UPDATE sessions SET name = 'a daemon was here'");
  const late = await reconcile(["undo", summaryOf(applied).run, "--apply"], home);
  assert.equal(late.code, 4);
  assert.match(late.stderr, /agh\.db was changed/);
  const none = await runHere(tool, ["apply", "-", "--home", home, "--json"]);
  assert.deepEqual([none.code, none.records.map(({ kind }) => kind)], [0, ["summary"]]);
});

test("the plan's own home is meant where none is named", async (t) => {
  const { home, ids } = madeHome(t, { sessions: 2 });
  damageHome(home, ids);
  const plan = await reconcile(["plan"], home);
  const env = { PATH: process.env["PATH"]! };
  const ran = await runHere(tool, ["apply", "-", "--now", NOW, "--json"], { stdin: plan.stdout, env });
  assert.equal(ran.code, 0, ran.stderr);
  assert.deepEqual(brief(ran), brief(plan));
});

test("an agh.db that cannot be read: nothing is made without what its rows say, and what is left is named", async (t) => {
  const { home, ids } = madeHome(t, { sessions: 2 });
  leaveIn(home, ids[0]!, "REL");
  renameSync(join(home, "agh.db"), join(home, "elsewhere"));
  mkdirSync(join(home, "agh.db"));
  const before = stateOf(home);
  const ran = await reconcile(["plan", "--apply"], home);
  assert.deepEqual([ran.code, ofKind(ran, "action"), stateOf(home)], [0, [], before]);
  const { left } = summaryOf(ran) as unknown as { left: { code: string; id: string }[] };
  assert.deepEqual(
    left.map(({ code, id }) => [code, id]),
    [
      ["CATALOG_CORRUPT", "agh.db"],
      ["META_UNUSABLE", ids[0]],
    ],
  );
});

test("a running daemon, or no flock(1): refused, nothing changed", async (t) => {
  const { home, ids } = madeHome(t, { sessions: 2 });
  damageHome(home, ids);
  const before = stateOf(home);
  const daemon = spawn("flock", ["-x", join(home, "daemon.lock"), "sh", "-c", "echo held; exec cat"]);
  await once(daemon.stdout, "data");
  const code = ["--code", "META_UNUSABLE"];
  const ran = await reconcile(["plan", "--apply", ...code], home);
  assert.deepEqual([ran.code, /daemon of .* is running/.test(ran.stderr)], [4, true]);
  daemon.stdin.end();
  await once(daemon, "close");
  const bare = await run("reconcile", ["plan", "--apply", ...code, "--home", home], { env: { PATH: "/nowhere" } });
  assert.deepEqual([bare.code, /flock/.test(bare.stderr)], [4, true]);
  // The toolkit's own directory came, and with it the home's time.
  assert.deepEqual(stateOf(home).slice(1), before.slice(1));
});

test("a home that others may write to is refused", async (t) => {
  const { home, ids } = madeHome(t, { sessions: 1 });
  damageHome(home, ids);
  chmodSync(home, 0o770);
  assert.equal((await reconcile(["plan", "--apply"], home)).code, 4);
});

test("eight at once: one does it, the losers are refused or busy, and the home is whole", async (t) => {
  const { home, ids } = madeHome(t, { sessions: 4 });
  damageHome(home, ids);
  const before = stateOf(home);
  const args = ["plan", "--apply", "--lock-timeout", "0s", "--home", home, "--now", NOW];
  const ran = await Promise.all(Array.from({ length: 8 }, () => run("reconcile", args)));
  const winners = ran.filter(({ records }) => records.some(({ kind, state }) => kind === "action" && state === "done"));
  assert.equal(winners.length, 1);
  for (const { code, stderr } of ran) assert.ok([0, 4, 5].includes(code!), `${code} ${stderr}`);
  const { run: id } = winners[0]!.records.at(-1) as unknown as { run: string };
  assert.equal((await reconcile(["undo", id, "--apply"], home)).code, 0);
  // A loser may have made the toolkit's own directory before the winner noted the home's time.
  assert.deepEqual(stateOf(home).slice(1), before.slice(1));
});

const HOMES = strength("random homes", 30);

test(`the plan is what apply does, over ${HOMES} random homes`, { timeout: 300_000 }, async () => {
  await inTempDir("random-homes", async (base) => {
    const made = makeHome(join(base, "made/.agh"), { sessions: 5, events: 12, live: 1, days: 3 });
    for (let seed = 1; seed <= HOMES; seed++) {
      const home = join(base, String(seed), ".agh");
      cpSync(made.home, home, { recursive: true, preserveTimestamps: true });
      damageAtRandom(home, made.ids, seed);
      const plan = await reconcile(["plan"], home);
      const before = stateOf(home);
      const done = await reconcile(["plan", "--apply"], home);
      assert.equal(done.code, 0, `home ${seed}: ${done.stderr}`);
      assert.deepEqual(brief(done), brief(plan), `home ${seed}`);
      assert.deepEqual(brief(await reconcile(["plan"], home)), [], `home ${seed}: nothing is left to do`);
      if (brief(plan).length > 0) {
        assert.equal((await reconcile(["undo", summaryOf(done).run, "--apply"], home)).code, 0, `home ${seed}`);
      }
      assert.deepEqual(stateOf(home), before, `home ${seed}`);
      assert.ok(existsSync(home));
    }
  });
});

/** A small generator of its own: the same homes every time. */
function damageAtRandom(home: string, ids: readonly string[], seed: number): void {
  let state = seed * 2_654_435_761;
  const chance = (share: number): boolean => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32 < share;
  };
  for (const id of ids.slice(0, -1)) {
    const stores = [..."RMELA"].filter((letter) => chance(letter === "A" ? 0.3 : 0.8)).join("");
    if (stores !== "" && chance(0.6)) leaveIn(home, id, stores);
  }
  if (chance(0.3)) sql(join(home, "agh.db"), "PRAGMA foreign_keys = OFF; DELETE FROM workspaces");
  if (chance(0.3)) sql(join(home, "agh.db"), "UPDATE token_stats SET total_tokens = 7");
  if (chance(0.3)) chmodSync(join(home, "vault.key"), 0o644);
  if (chance(0.3)) writeFileSync(join(home, "daemon.json.tmp-1"), "{");
}
