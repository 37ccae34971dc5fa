// Which snapshots a policy keeps, and why: a pure function of their stamps. Where a clock is in doubt, it keeps.
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
  /** False where a verify or drill has found it wanting. */
  readonly good?: boolean;
}

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
 * Says of every snapshot whether the policy keeps it, in the order given. Homes are judged apart. The last good snapshot
 * of a home always stays, and so does whatever a wrong clock has stamped. A policy that keeps nothing → exit 2.
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
  const newestFirst = trusted(home, context);
  for (const { snapshot } of newestFirst.slice(0, policy.last ?? 0)) because(snapshot, "last");
  for (const period of PERIODS) {
    const keyOf = (moment: number): number => calendar.key(moment, period);
    for (const { snapshot, moment } of firstOfEach(newestFirst, policy[period] ?? 0, keyOf)) {
      because(snapshot, `${period} ${calendar.label(moment, period)}`);
    }
  }
  const since = (newestFirst[0]?.moment ?? 0) - (policy.within ?? -1);
  for (const { snapshot, moment } of newestFirst) if (moment >= since) because(snapshot, "within");
  const lastGood = newestFirst.find(({ snapshot }) => snapshot.good !== false) ?? newestFirst[0];
  if (lastGood) because(lastGood.snapshot, "last good snapshot of its home");
}

/** Snapshots whose stamps can be believed, newest first; the others are kept, and count for no rule. */
function trusted<S extends Retained>(home: readonly S[], { now, because }: RetentionContext<S>): Timed<S>[] {
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

/** The newest snapshot, a good one where there is one, of each of the latest `count` periods that have any. */
function firstOfEach<S extends Retained>(
  newestFirst: readonly Timed<S>[],
  count: number,
  keyOf: (moment: number) => number,
): Iterable<Timed<S>> {
  const found = new Map<number, Timed<S>>();
  if (count === 0) return [];
  for (const timed of newestFirst) {
    const key = keyOf(timed.moment);
    const before = found.get(key);
    if (!before && found.size === count) break;
    if (!before || (before.snapshot.good === false && timed.snapshot.good !== false)) found.set(key, timed);
  }
  return found.values();
}
