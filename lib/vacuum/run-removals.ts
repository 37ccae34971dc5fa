// Prints a plan of removals, or does it: others kept out, killed runs ended first, what was predicted told beside what was freed.
import { limitHeap } from "../files/memory.ts";
import { ulid } from "../formats/ulid.ts";
import type { JournalHome } from "../journal/journal-home.ts";
import { withHomeLock } from "../places/home-lock.ts";
import { recoverHome, withHomeChange } from "../places/home-change.ts";
import { journalHome } from "../places/journal-home.ts";
import type { OpenPlace } from "../places/detect-source.ts";
import type { Deps } from "../records/deps.ts";
import { EXIT, severest, usageError, type Exit } from "../records/error.ts";
import type { Action } from "../records/result-kinds.ts";
import type { AnyRecord } from "../records/record.ts";
import { Tally } from "../records/summary.ts";
import type { Removal, RemovalOutcome, RemovalPlan, RemovalPlanSummary, RemovalVerb } from "./removal-types.ts";
import { withNoSpaceHint } from "./no-space-hint.ts";

export interface RunRemovals {
  /** Command and verb. */
  readonly tool: string;
  readonly opened: OpenPlace;
  readonly planning: RemovalPlan;
  readonly apply: boolean;
  readonly lockTimeoutMs: number;
  /** Nothing of it concerns the daemon; then killed runs are left to others too. */
  readonly daemonMayRun?: boolean;
}

/** Yields the actions, planned or done, and a `summary` with the bytes that were predicted and, after the deed, freed. */
export async function* runRemovals(options: RunRemovals, deps: Deps): AsyncGenerator<AnyRecord> {
  limitHeap();
  try {
    yield* planAndPerform(options, deps);
  } catch (error) {
    throw withNoSpaceHint(error, options.opened.home);
  }
}

async function* planAndPerform(options: RunRemovals, deps: Deps): AsyncGenerator<AnyRecord> {
  const { planning, opened, apply, lockTimeoutMs } = options;
  if (apply) await recoverUnfinished(options, deps);
  const tally = new Tally(options.tool, deps, ulid(deps.now()));
  const pending: Action[] = [];
  let predicted = 0;
  let step = await planning.next();
  for (; !step.done; step = await planning.next()) {
    deps.signal.throwIfAborted();
    const action = step.value;
    if (action.state === "planned") predicted += action.bytes ?? 0;
    if (action.state === "planned" && apply) {
      pending.push(action);
      continue;
    }
    if (action.state === "planned") tally.done(action.bytes);
    else tally.failed(EXIT.partial);
    yield action;
  }
  if (apply) yield* performRemovals(pending, { opened, lockTimeoutMs, tally }, deps);
  const last = summarize(tally, step.value ?? {}, { predicted, apply });
  logTotals(last, deps);
  yield last;
}

/** What a killed run has begun is brought to its end before anything is planned. */
async function recoverUnfinished(
  { opened, daemonMayRun = false, lockTimeoutMs }: RunRemovals,
  deps: Deps,
): Promise<void> {
  const { live, place } = opened.home;
  if (!live) throw usageError(`${place} cannot be changed`, "name a directory: --home DIR");
  if (!daemonMayRun) await recoverHome(opened, { lockTimeoutMs }, deps);
}

function summarize(
  tally: Tally,
  { exit, facts }: RemovalPlanSummary,
  { predicted, apply }: { predicted: number; apply: boolean },
) {
  if (exit !== undefined) tally.failed(exit, 0);
  const totals = tally.summary({ predicted_bytes: predicted, ...(!apply && { status: "planned" as const }), ...facts });
  return apply ? { ...totals, freed_bytes: totals.bytes } : totals;
}

/** What a table has no room for. */
function logTotals(summary: AnyRecord, { log }: Deps): void {
  const { predicted_bytes: predicted, freed_bytes: freed, excess_bytes: bytes, excess_sessions: sessions } = summary;
  if (freed !== undefined) log.info(`${String(freed)} bytes freed, ${String(predicted)} were predicted`);
  else if (predicted !== 0) log.info(`this frees ${String(predicted)} bytes`);
  if (bytes || sessions)
    log.info(`floors and gates leave ${String(bytes)} bytes, ${String(sessions)} sessions above the limits`);
}

export interface PerformRemovals {
  readonly opened: OpenPlace;
  readonly lockTimeoutMs: number;
  readonly tally: Tally;
}

/** Does planned actions. Where something stops them (a full disk), what was done by then is yielded before it is thrown. */
export async function* performRemovals(
  actions: readonly Action[],
  { opened, lockTimeoutMs, tally }: PerformRemovals,
  deps: Deps,
): AsyncGenerator<Action> {
  if (actions.length === 0) return;
  const { home, source } = opened;
  const kinds = await Promise.all(
    [...Map.groupBy(actions, ({ verb }) => verb)].map(async ([verb, of]) => ({ removal: await removalOf(verb), of })),
  );
  const outcomes: RemovalOutcome[] = [];
  let failure: { readonly error: unknown } | undefined;
  const perform = async (journal: JournalHome): Promise<void> => {
    const context = { home, source, journal, run: tally.run, deps };
    for (const { removal, of } of kinds) {
      for await (const outcome of removal.perform(of, context)) outcomes.push(outcome);
    }
  };
  try {
    if (kinds.every(({ removal }) => removal.daemonMayRun)) {
      const options = { lockTimeoutMs, daemonMayRun: true };
      await withHomeLock(opened, options, deps, async () => perform(await journalHome(opened, deps)));
    } else await withHomeChange(opened, { lockTimeoutMs }, deps, perform);
  } catch (error) {
    failure = { error };
  }
  for (const outcome of outcomes) yield counted(outcome, tally);
  if (failure) throw failure.error;
}

function counted({ action, exit = EXIT.partial }: RemovalOutcome, tally: Tally): Action {
  if (action.state === "done") tally.done(action.freed ?? 0);
  else tally.failed(severest(EXIT.partial, exit) as Exit);
  return action;
}

const sessionRemoval = async (): Promise<Removal> => (await import("./sessions/remove-sessions.ts")).removingSessions;

/** Loaded when they are needed: the verbs plan their own kind, and what a plan says is done whatever its kind. */
const REMOVALS: { readonly [verb in RemovalVerb]: () => Promise<Removal> } = {
  "retire-session": sessionRemoval,
  "remove-session": sessionRemoval,
  "remove-run": sessionRemoval,
  "purge-events": async () => (await import("./events/execute-purge.ts")).purging,
  compact: async () => (await import("./compact/execute-compaction.ts")).compacting,
  "empty-trash": async () => (await import("./trash/empty-trash.ts")).emptying,
};

/** Who performs an action with this verb. */
export const removalOf = (verb: string): Promise<Removal> => REMOVALS[verb as RemovalVerb]();
