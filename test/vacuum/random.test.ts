// Random homes under random policies: the plan is what apply does, and it is what the policy table says.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { decideRetirement, type Candidate, type Floors, type RetirementRules } from "../../lib/policy/retirement.ts";
import { makeHome } from "../../scripts/make-home/home.ts";
import { randomOf, type Random } from "../../scripts/make-home/random.ts";
import { strength } from "../support/strength.ts";
import { inTempDir } from "../support/temp.ts";
import {
  actions,
  archive,
  idsOf,
  knownIn,
  NOW,
  sessionDirs,
  sizeBelow,
  summaryOf,
  vacuum,
  type Known,
} from "./world.ts";

const HOMES = strength("random homes", 12);
const DAY = 86_400_000;

/** Both included. */
const between = (random: Random, least: number, most: number): number => least + random.below(most - least + 1);

interface Drawn {
  readonly args: readonly string[];
  readonly policy: RetirementRules & Floors;
}

function drawPolicy(random: Random, known: readonly Known[]): Drawn {
  const total = known.reduce((sum, { bytes }) => sum + bytes, 0);
  const days = between(random, 0, 60);
  const [maxTotal, maxSessions] = [between(random, 0, total), between(random, 0, known.length)];
  const keepLast = between(random, 1, 4);
  const rules = [
    { args: ["--older-than", `${days}d`], policy: { olderThan: days * DAY } },
    { args: ["--max-total", String(maxTotal)], policy: { maxTotal } },
    { args: ["--max-sessions", String(maxSessions)], policy: { maxSessions } },
    {
      args: ["--older-than", `${days}d`, "--max-total", String(maxTotal)],
      policy: { olderThan: days * DAY, maxTotal },
    },
  ];
  const { args, policy } = rules[between(random, 0, rules.length - 1)]!;
  return between(random, 0, 1) === 0
    ? { args, policy }
    : { args: [...args, "--keep-last", String(keepLast)], policy: { ...policy, keepLast } };
}

/** As the table has it, over what is known of the home without the toolkit. */
async function expected(known: readonly Known[], archived: ReadonlySet<string>, policy: Drawn["policy"]) {
  const sessions = known.map(({ id, at, bytes, live }): Candidate => ({
    id,
    bytes,
    last: new Date(at).toISOString(),
    created: null,
    updated: null,
    isSelected: true,
    kept: live ? "it runs, or claims to" : undefined,
  }));
  const gates = async (id: string) => (archived.has(id) ? undefined : "it is not archived");
  const { decisions, excess } = await decideRetirement(sessions, { rules: policy, now: new Date(NOW), gates });
  const of = (fate: string): string[] => idsOf(decisions.filter((decision) => decision.fate === fate) as never);
  return { goes: of("remove"), refused: of("block"), isMet: excess.bytes === 0 && excess.sessions === 0 };
}

async function trial(directory: string, seed: number): Promise<void> {
  const random = randomOf(seed, "vacuum");
  const home = path.join(directory, ".agh");
  const sessions = between(random, 1, 9);
  const live = between(random, 0, 3) === 0 ? 1 : 0;
  makeHome(home, { sessions, events: between(random, 1, 12), seed, workspaces: between(random, 1, 3), live });
  const known = knownIn(home);
  const archived = known.filter(({ live: it }) => !it && between(random, 0, 3) > 0).map(({ id }) => id);
  if (archived.length > 0) assert.equal((await archive("put", ...archived, "--home", home)).code, 0);
  const { args, policy } = drawPolicy(random, known);
  const { goes, refused, isMet } = await expected(known, new Set(archived), policy);
  const plan = await vacuum(["sessions", ...args], home);
  assert.deepEqual([idsOf(actions(plan, "planned")), idsOf(actions(plan, "skipped"))], [goes, refused], args.join(" "));
  assert.equal(plan.code, refused.length > 0 ? 3 : isMet ? 0 : 1);
  const size = sizeBelow(path.join(home, "sessions"));
  const isSaved = between(random, 0, 1) === 0;
  const done = isSaved
    ? await vacuum(["apply", "-"], home, { stdin: plan.stdout })
    : await vacuum(["sessions", ...args, "--apply"], home);
  assert.deepEqual(idsOf(actions(done, "done")), goes, done.stderr);
  const freed = size - sizeBelow(path.join(home, "sessions"));
  assert.deepEqual(
    [summaryOf(done)["freed_bytes"], freed],
    [summaryOf(plan)["predicted_bytes"], summaryOf(plan)["predicted_bytes"]],
  );
  assert.deepEqual(sessionDirs(home).toSorted(), idsOf(known.filter(({ id }) => !goes.includes(id)) as never));
  for (const id of goes) assert.ok(fs.existsSync(path.join(home, `.agh-toolkit/tombstones/${id}.json`)));
}

test("plan equals apply equals the table, over random homes", async () => {
  for (let seed = 1; seed <= HOMES; seed++) {
    await inTempDir("vacuum-random", async (directory) => {
      try {
        await trial(directory, seed);
      } catch (cause) {
        throw new Error(`seed ${seed}: ${(cause as Error).message}`, { cause });
      }
    });
  }
});
