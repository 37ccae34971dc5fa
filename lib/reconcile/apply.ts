// Plans what would mend a home, and does it: AGH's daemon kept out, journaled first, and so that it can be undone.
import { scratchDir, type Scratch } from "../files/scratch.ts";
import { readPlan, plannedActions } from "../formats/plan.ts";
import { ulid } from "../formats/ulid.ts";
import { exclusively } from "../places/exclusive.ts";
import type { Deps } from "../records/deps.ts";
import { EXIT, refusal, usageError } from "../records/error.ts";
import type { Action } from "../records/judgements.ts";
import type { AnyRecord } from "../records/record.ts";
import { Tally } from "../records/summary.ts";
import type { Home } from "../sources/source.ts";
import { openAble, type Place } from "../places/at-home.ts";
import { askedIn, keyOf, planFor, summed, type Asked, type Plan, type Planned, type Planning } from "./plan.ts";
import { planRows } from "./rows-plan.ts";
import { VERBS } from "./rules.ts";
import { hasUnfinished, homeTime, perform, recover } from "./runs.ts";

export interface PlanHome extends Planning {
  readonly place: Place;
  readonly apply: boolean;
  readonly lockTimeoutMs: number;
}

/** Yields the `action` records, planned or done, and a `summary` with what nothing could be done about. */
export async function* planHome(options: PlanHome, deps: Deps): AsyncGenerator<AnyRecord> {
  const tally = new Tally("agh-reconcile plan", deps, ulid(deps.now()));
  using opened = await openAble(options.place, "reconcile", deps);
  using scratch = scratchDir(deps.env);
  const { home } = opened;
  if (options.apply) assertHere(home);
  if (opened.source.reconciling) {
    return yield* planRows({ opened, options, tally, apply: options.apply, wanted: undefined }, deps);
  }
  const plan = await planFor(home, options, scratch, deps);
  if (!options.apply) return yield* told(plan, tally, deps);
  yield* applied({ home, options, scratch, tally, first: plan, wanted: undefined }, deps);
}

function* told({ actions, left }: Plan, tally: Tally, deps: Deps): Generator<AnyRecord> {
  for (const { action } of actions) {
    tally.done();
    yield action;
  }
  yield summed(tally, left, deps, { status: "planned" });
}

export interface ApplyPlan {
  readonly place: Place;
  readonly records: readonly AnyRecord[];
  readonly toolkit: string;
  readonly dryRun: boolean;
  readonly lockTimeoutMs: number;
}

/** Does exactly the planned actions that are given and that still hold; the others are skipped, each with the reason (3). */
export async function* applyPlan(options: ApplyPlan, deps: Deps): AsyncGenerator<AnyRecord> {
  const tally = new Tally("agh-reconcile apply", deps, ulid(deps.now()));
  const wanted = plannedActions(options.records, VERBS);
  const place = { ...options.place, home: options.place.home ?? homeOf(wanted) };
  using opened = await openAble(place, "reconcile", deps);
  using scratch = scratchDir(deps.env);
  const { home } = opened;
  assertHere(home);
  assertOfHome(wanted, home);
  if (options.dryRun || wanted.length === 0) {
    for (const action of wanted) {
      tally.done();
      yield action;
    }
    return yield tally.summary({ status: "planned" });
  }
  const planning: Planning = { ...asked(wanted), repo: repoOf(wanted), toolkit: options.toolkit };
  const again = { ...planning, lockTimeoutMs: options.lockTimeoutMs };
  if (opened.source.reconciling) return yield* planRows({ opened, options: again, tally, apply: true, wanted }, deps);
  yield* applied({ home, options: again, scratch, tally, wanted }, deps);
}

/** The records of a saved plan; see readPlan. */
export const readPlanFile = readPlan;

function homeOf(wanted: readonly Action[]): string | undefined {
  const homes = [...new Set(wanted.map(({ home }) => home))];
  if (homes.length > 1) throw usageError("the plan is about several homes", "apply it home by home: --home DIR");
  return homes[0];
}

function assertOfHome(wanted: readonly Action[], { id, place }: Home): void {
  const guest = wanted.find(({ subject }) => (subject as { home_id?: unknown }).home_id !== id);
  if (!guest) return;
  throw refusal(
    "E_OTHER_HOME",
    `the plan (${guest.verb} ${guest.id}) was made for another home than ${place}`,
    `plan anew: agh-reconcile plan --home ${place}`,
  );
}

/** The lines of one plan were all asked for the same. */
function asked(wanted: readonly Action[]): Asked {
  const all = wanted.map(({ expect }) => askedIn(expect));
  if (all.some((one) => JSON.stringify(one) !== JSON.stringify(all[0]))) {
    throw usageError("these are the actions of several plans", "apply one after the other");
  }
  return all[0]!;
}

const repoOf = (wanted: readonly Action[]): string | undefined =>
  wanted.map(({ subject }) => (subject as { repo?: unknown }).repo).find((url) => typeof url === "string");

function assertHere({ place, live }: Home): void {
  if (!live) throw usageError(`${place} cannot be changed`, "restore it first, or name a directory: --home DIR");
}

interface Applying {
  readonly home: Home;
  readonly options: Planning & { readonly lockTimeoutMs: number };
  readonly scratch: Scratch;
  readonly tally: Tally;
  /** What a look without the lock has found. */
  readonly first?: Plan;
  /** The actions of a saved plan; undefined is all. */
  readonly wanted: readonly Action[] | undefined;
}

interface Outcome {
  readonly plan: Plan;
  readonly done: readonly Planned[];
  readonly skipped: readonly Action[];
}

async function* applied(applying: Applying, deps: Deps): AsyncGenerator<AnyRecord> {
  const { home, tally, first } = applying;
  if (first?.actions.length === 0 && !hasUnfinished(home)) {
    return yield summed(tally, first.left, deps);
  }
  const times = homeTime(home);
  const { lockTimeoutMs } = applying.options;
  // Judged again: now nobody else changes the home, and a killed run is brought to its end.
  const { plan, done, skipped } = await exclusively({ home, lockTimeoutMs }, deps, async (): Promise<Outcome> => {
    recover(home);
    const now = await planFor(home, { ...applying.options, daemonIsOut: true }, applying.scratch, deps);
    const [chosen, gone] = matched(now, applying.wanted);
    const meant = { ...now, actions: chosen };
    if (chosen.length > 0) perform(home, meant, tally.run, times, deps);
    return { plan: meant, done: chosen, skipped: gone };
  });
  for (const { action } of done) {
    tally.done();
    yield { ...action, state: "done" };
  }
  for (const action of skipped) {
    tally.failed(EXIT.partial);
    yield { ...action, state: "skipped", reason: "it does not hold any more: the home has changed since the plan" };
  }
  const undo = `agh-reconcile undo ${tally.run} --apply --home ${home.place}`;
  const hint = done.length > 0 ? { undo, next: `AGH_HOME=${home.place} agh daemon start` } : {};
  if (done.length > 0) deps.log.info(`${done.length} done; to take it back: ${undo}; to go on: ${hint.next}`);
  yield summed(tally, plan.left, deps, hint);
}

/** Those of the plan that are wanted, and the wanted ones that the plan does not have any more. */
function matched({ actions }: Plan, wanted: readonly Action[] | undefined): [Planned[], Action[]] {
  if (!wanted) return [[...actions], []];
  const keys = new Set(wanted.map(keyOf));
  const there = new Set(actions.map(({ action }) => keyOf(action)));
  return [
    withCatalog(
      actions.filter(({ action }) => keys.has(keyOf(action))),
      actions,
    ),
    wanted.filter((action) => !there.has(keyOf(action))),
  ];
}

/** What was judged by a catalog that is to be put in place must not be done without it. */
function withCatalog(chosen: Planned[], all: readonly Planned[]): Planned[] {
  const catalog = all.find(({ replacement, found }) => replacement && found.id === "agh.db");
  if (!catalog || chosen.includes(catalog)) return chosen;
  if (chosen.length === 0) return chosen;
  throw refusal(
    "E_PLAN_INCOMPLETE",
    "the rest of the plan was made for the agh.db that its first action puts in place, and that action is missing",
    "leave it in, or plan without it: agh-reconcile plan --code CODE",
  );
}
