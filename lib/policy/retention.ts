// Which snapshots a policy keeps, and why: a pure function of their stamps and states. Where a clock is in doubt, it keeps.
//
// The policy is applied to the trusted, complete snapshots of a home as if there were no others: an incomplete, suspect or
// bad one takes no place of theirs. Those are kept by the same policy in two series of their own, since they may hold the
// newest of what is still whole. Floors stand beside the policy: see `findFloors`.
import { usageError } from "../records/error.ts";
import { calendarOf, PERIODS, type Calendar, type Period } from "./calendar.ts";

/** How many periods keep their newest snapshot, and what else is kept. Counts are whole numbers from 1. */
export type Policy = { readonly [P in Period]?: number | undefined } & {
  /** The newest so many. */
  readonly last?: number | undefined;
  /** Milliseconds before the newest snapshot of the home. */
  readonly within?: number | undefined;
  /** Snapshots that carry one of these. */
  readonly tags?: readonly string[] | undefined;
};

export interface Retained {
  readonly id: string;
  /** When it was begun, RFC 3339. */
  readonly time: string;
  readonly homeId: string;
  readonly tags: readonly string[];
  /** The snapshot that was the newest when it was begun. */
  readonly parent?: string | null;
  /** `unproven` unless given. */
  readonly state?: RetainedState;
  /** False where something is missing that was to be taken. */
  readonly complete?: boolean;
}

type RetainedState = "good" | "unproven" | "suspect" | "bad";

export interface RetentionVerdict<S extends Retained> {
  readonly snapshot: S;
  readonly keep: boolean;
  /** Each rule that keeps it, or why none does. */
  readonly reasons: readonly string[];
}

export interface Clock {
  readonly now: Date;
  /** IANA name of the zone whose hours and days count; UTC if not given. */
  readonly zone?: string | undefined;
}

/**
 * Says of every snapshot whether the policy keeps it, in the order given. Homes are judged apart. Floors always stay, and
 * so does whatever a wrong clock has stamped. A policy that keeps nothing → exit 2.
 */
export function computeRetention<S extends Retained>(
  snapshots: Iterable<S>,
  policy: Policy,
  { now, zone }: Clock,
): RetentionVerdict<S>[] {
  checkPolicy(policy);
  const calendar = calendarOf(zone);
  const all = [...snapshots];
  const reasons = new Map<S, string[]>(all.map((snapshot) => [snapshot, []]));
  for (const home of Map.groupBy(all, ({ homeId }) => homeId).values()) {
    applyPolicy(home, policy, { now, calendar, because: (snapshot, reason) => reasons.get(snapshot)!.push(reason) });
  }
  return all.map((snapshot) => {
    const why = reasons.get(snapshot)!;
    return { snapshot, keep: why.length > 0, reasons: why.length > 0 ? why : ["no rule keeps it"] };
  });
}

/** A policy without a rule, or with a rule that keeps nothing → exit 2. */
function checkPolicy(policy: Policy): void {
  const counts = [policy.last, ...PERIODS.map((period) => policy[period]), policy.within].filter(
    (n) => n !== undefined,
  );
  if (counts.some((count) => !(count >= 1))) throw usageError("a rule that keeps 0 keeps nothing: leave it out");
  if (counts.length === 0 && !policy.tags?.length) {
    throw usageError("an empty policy would keep nothing", "--keep-daily 7 --keep-weekly 5 --keep-monthly 12");
  }
}

interface RetentionContext<S> {
  readonly now: Date;
  readonly calendar: Calendar;
  because(snapshot: S, reason: string): void;
}

interface Timed<S> {
  readonly snapshot: S;
  readonly moment: number;
}

function applyPolicy<S extends Retained>(home: readonly S[], policy: Policy, context: RetentionContext<S>): void {
  const { calendar, because } = context;
  for (const snapshot of home) {
    for (const tag of snapshot.tags) if (policy.tags?.includes(tag)) because(snapshot, `tag ${tag}`);
  }
  const newestFirst = believable(home, context);
  for (const [label, series] of Map.groupBy(newestFirst, ({ snapshot }) => seriesOf(snapshot))) {
    const suffix = label === "" ? "" : ` (${label})`;
    applyToSeries(series, policy, calendar, (snapshot, reason) => because(snapshot, reason + suffix));
  }
  for (const [snapshot, reason] of floorsOf(home, newestFirst)) because(snapshot, reason);
}

/** Snapshots among which the policy counts. */
function seriesOf({ state, complete }: Retained): string {
  if (!isTrusted(state)) return "suspect or bad";
  return complete === false ? "incomplete" : "";
}

const isTrusted = (state: RetainedState = "unproven"): boolean => state === "good" || state === "unproven";

function applyToSeries<S extends Retained>(
  newestFirst: readonly Timed<S>[],
  policy: Policy,
  calendar: Calendar,
  because: (snapshot: S, reason: string) => void,
): void {
  for (const { snapshot } of newestFirst.slice(0, policy.last ?? 0)) because(snapshot, "last");
  for (const period of PERIODS) {
    const keyOf = (moment: number): number => calendar.key(moment, period);
    for (const { snapshot, moment } of newestOfEach(newestFirst, policy[period] ?? 0, keyOf)) {
      because(snapshot, `${period} ${calendar.label(moment, period)}`);
    }
  }
  const since = (newestFirst[0]?.moment ?? 0) - (policy.within ?? -1);
  for (const { snapshot, moment } of newestFirst) if (moment >= since) because(snapshot, "within");
}

/**
 * What is never removed, whatever a policy or an edited plan says: of each home the newest good snapshot, the newest
 * unproven one, the newest complete one of these, and the newest of all, which may hold the newest of what is still whole.
 */
export function findFloors<S extends Retained>(snapshots: Iterable<S>, now: Date): ReadonlyMap<S, string> {
  const floors = new Map<S, string>();
  for (const home of Map.groupBy(snapshots, ({ homeId }) => homeId).values()) {
    const newestFirst = believable(home, { now, because: () => undefined });
    for (const [snapshot, reason] of floorsOf(home, newestFirst)) floors.set(snapshot, reason);
  }
  return floors;
}

function floorsOf<S extends Retained>(home: readonly S[], newestFirst: readonly Timed<S>[]): ReadonlyMap<S, string> {
  const byId = [...home].sort((a, b) => (a.id < b.id ? 1 : -1));
  // Where no stamp can be believed, the order of the ids must do.
  const newest = (matches: (snapshot: S) => boolean): S | undefined =>
    newestFirst.find(({ snapshot }) => matches(snapshot))?.snapshot ?? byId.find(matches);
  const floors = new Map<S, string>();
  const add = (what: string, matches: (snapshot: S) => boolean): void => {
    const found = newest(matches);
    if (found && !floors.has(found)) floors.set(found, `newest ${what} of its home`);
  };
  add("good snapshot", ({ state }) => state === "good");
  add("unproven snapshot", ({ state = "unproven" }) => state === "unproven");
  add("complete snapshot", (each) => seriesOf(each) === "");
  add("snapshot", () => true);
  return floors;
}

/** Snapshots whose stamps can be believed, newest first; the others are kept, and count for no rule. */
function believable<S extends Retained>(
  home: readonly S[],
  { now, because }: Pick<RetentionContext<S>, "now" | "because">,
): Timed<S>[] {
  const moments = new Map(home.map(({ id, time }) => [id, Date.parse(time)]));
  const believed: Timed<S>[] = [];
  for (const snapshot of home) {
    const moment = moments.get(snapshot.id)!;
    const before = moments.get(snapshot.parent ?? "") ?? Number.NaN;
    if (Number.isNaN(moment)) because(snapshot, "its time cannot be read");
    else if (moment > now.getTime()) because(snapshot, "from the future");
    // A parent from the future tells of its own clock, not of this one.
    else if (moment < before && before <= now.getTime())
      because(snapshot, "older than its parent: a clock was set back");
    else believed.push({ snapshot, moment });
  }
  return believed.sort((a, b) => b.moment - a.moment || (a.snapshot.id < b.snapshot.id ? 1 : -1));
}

/** The newest snapshot of each of the latest `count` periods that have any. */
function newestOfEach<S extends Retained>(
  newestFirst: readonly Timed<S>[],
  count: number,
  keyOf: (moment: number) => number,
): Iterable<Timed<S>> {
  const found = new Map<number, Timed<S>>();
  for (const timed of newestFirst) {
    const key = keyOf(timed.moment);
    if (found.has(key)) continue;
    if (found.size >= count) break;
    found.set(key, timed);
  }
  return found.values();
}
