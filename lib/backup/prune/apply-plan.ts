// Performs exactly the actions of a saved prune plan.
import { openForWriting } from "../../formats/repository/authorship/open-for-writing.ts";
import { plannedActions, readSavedPlan } from "../../formats/saved-plan.ts";
import { ulid } from "../../formats/ulid.ts";
import type { Deps } from "../../records/deps.ts";
import { refusal } from "../../records/error.ts";
import type { AnyRecord } from "../../records/record.ts";
import { Tally } from "../../records/summary.ts";
import { performPrune } from "./perform-prune.ts";
import { lockPrune } from "../prune-lock.ts";
import { PRUNE_VERBS } from "./prune-plan.ts";

export interface ApplyPrunePlan {
  readonly repo: string;
  readonly records: readonly AnyRecord[];
  readonly graceMs: number;
  readonly lockTimeoutMs: number;
  readonly dryRun?: boolean;
}

/** Yields each `action` as it was done or skipped (3), and a `summary`. A plan of another repository is refused (4). */
export async function* applyPrunePlan(options: ApplyPrunePlan, deps: Deps): AsyncGenerator<AnyRecord> {
  const actions = plannedActions(options.records, PRUNE_VERBS);
  const performs = options.dryRun !== true;
  const repo = await openForWriting(options.repo, { env: deps.env, signs: performs, pins: performs });
  repo.requireIdentity();
  for (const { subject, verb, id } of actions) {
    const { repository } = subject as { repository?: unknown };
    if (repository === repo.file.id) continue;
    throw refusal(
      "E_OTHER_REPOSITORY",
      `the plan (${verb} ${id!}) is about repository ${String(repository)}; ${repo.url} is ${repo.file.id}`,
      "name the repository that it was made for: --repo",
    );
  }
  const tally = new Tally("agh-backup apply", deps, ulid(deps.now()));
  if (options.dryRun) {
    for (const action of actions) {
      tally.done(action.bytes ?? 0);
      yield action;
    }
    return yield tally.summary({ status: "planned" });
  }
  await using lock = await lockPrune(repo, options.lockTimeoutMs, deps);
  await repo.finishRemovals();
  yield* performPrune(repo, actions, { lock, tally, graceMs: options.graceMs, includePacks: false, deps });
  yield tally.summary();
}

/** The records of a saved plan; see readPlan. */
export const readPlanFile = readSavedPlan;
