// Which sessions a policy retires, and why: a pure function of their ages and sizes. Where a clock is in doubt, it keeps.

/** Each rule that is set retires on its own account; the floor `keepLast` holds against all of them. */
export interface RetirementRules {
  /** Milliseconds since the last event. */
  readonly olderThan?: number | undefined;
  /** Bytes that all sessions of the home may have together; the oldest go until that holds. */
  readonly maxTotal?: number | undefined;
  readonly maxSessions?: number | undefined;
}

export interface Floors {
  /** The newest so many of the home stay. */
  readonly keepLast?: number | undefined;
}

export interface SessionTimes {
  /** Its last event's time, RFC 3339; null where it is not known. */
  readonly last: string | null;
  readonly created: string | null;
  readonly updated: string | null;
}

export interface Retirable extends SessionTimes {
  readonly id: string;
  readonly bytes: number;
  /** Whether it is among those that are meant; the others count for floors and totals. */
  readonly isSelected: boolean;
  /** Why no rule touches it: it runs, its agent is kept. */
  readonly kept: string | undefined;
  /** Why a gate holds it. Asked only where a rule would retire it. */
  readonly blockedBy: () => Promise<string | undefined>;
}

/** `kept`: a floor, or a clock in doubt; `held`: a gate. Of both, only those that a rule would have retired are told. */
export interface Verdict {
  readonly id: string;
  readonly fate: "goes" | "kept" | "held";
  readonly reason: string;
}

export interface Retirement {
  /** Oldest first. What no rule touches has none. */
  readonly verdicts: readonly Verdict[];
  /** What still is above `maxTotal` and `maxSessions` when all have gone that go. */
  readonly excess: { readonly bytes: number; readonly sessions: number };
  /** All sessions of the home, before. */
  readonly total: { readonly bytes: number; readonly sessions: number };
}

/** Without any rule all that are meant go. */
export async function decideRetirement(
  sessions: readonly Retirable[],
  rules: RetirementRules & Floors,
  now: Date,
): Promise<Retirement> {
  const aged = sessions.map((session) => ({ session, at: momentOf(session, now) })).sort(byAge);
  const newest = newestOf(aged, rules.keepLast ?? 0);
  const isByRule = rules.olderThan !== undefined || rules.maxTotal !== undefined || rules.maxSessions !== undefined;
  const total = { bytes: sessions.reduce((sum, { bytes }) => sum + bytes, 0), sessions: sessions.length };
  const left = { ...total };
  const verdicts: Verdict[] = [];
  for (const { session, at } of aged) {
    if (!session.isSelected) continue;
    const { id } = session;
    const due = reasonFor(at, rules, left, now);
    if (due === undefined) continue;
    const kept = newest.has(id) ? `it is among the ${rules.keepLast} newest` : (session.kept ?? doubtIn(at, isByRule));
    const blocked = kept === undefined ? await session.blockedBy() : undefined;
    const [fate, reason] =
      kept !== undefined
        ? ["kept" as const, kept]
        : blocked !== undefined
          ? ["held" as const, blocked]
          : ["goes" as const, due];
    verdicts.push({ id, fate, reason });
    if (fate !== "goes") continue;
    left.bytes -= session.bytes;
    left.sessions--;
  }
  const { maxTotal = Infinity, maxSessions = Infinity } = rules;
  const excess = { bytes: Math.max(0, left.bytes - maxTotal), sessions: Math.max(0, left.sessions - maxSessions) };
  return { verdicts, excess, total };
}

/** When it ended, as far as clocks can be believed; in words what is wrong with them. */
type Moment = number | string | undefined;

function momentOf({ last, created, updated }: SessionTimes, now: Date): Moment {
  const [end, begin] = [Date.parse(last ?? ""), Date.parse(created ?? "")];
  const times = [end, begin, Date.parse(updated ?? "")];
  if (times.some((time) => time > now.getTime())) return "it bears a time from the future: a clock is wrong";
  if (Number.isNaN(end)) return undefined;
  return end < begin ? "its last event is older than the session: a clock was set back" : end;
}

/** What is wrong with the clocks that a session was stamped by; undefined where nothing is. */
export const doubtAbout = (times: SessionTimes, now: Date): string | undefined => doubtIn(momentOf(times, now), false);

const doubtIn = (at: Moment, isByRule: boolean): string | undefined =>
  at === undefined && isByRule ? "the time of its last event is not known" : typeof at === "string" ? at : undefined;

interface Aged {
  readonly session: Retirable;
  readonly at: Moment;
}

/** Oldest first; what has no age that could be told counts as the newest. */
function byAge(a: Aged, b: Aged): number {
  const [x, y] = [typeof a.at === "number" ? a.at : Infinity, typeof b.at === "number" ? b.at : Infinity];
  return x === y ? (a.session.id < b.session.id ? -1 : 1) : x < y ? -1 : 1;
}

/** Those in doubt take nobody's place. */
function newestOf(aged: readonly Aged[], count: number): ReadonlySet<string> {
  const sure = aged.filter(({ at }) => typeof at === "number");
  return new Set(sure.slice(Math.max(0, sure.length - count)).map(({ session }) => session.id));
}

function reasonFor(
  at: Moment,
  { olderThan, maxTotal, maxSessions }: RetirementRules,
  left: Retirement["total"],
  now: Date,
): string | undefined {
  if (olderThan === undefined && maxTotal === undefined && maxSessions === undefined) return "it was selected";
  const age = typeof at === "number" ? now.getTime() - at : undefined;
  if (olderThan !== undefined && age !== undefined && age > olderThan) return `its last event is ${daysOf(age)} old`;
  if (maxTotal !== undefined && left.bytes > maxTotal)
    return `the sessions exceed the size limit by ${left.bytes - maxTotal} bytes`;
  if (maxSessions !== undefined && left.sessions > maxSessions) {
    return `the number of sessions exceeds the limit by ${left.sessions - maxSessions}`;
  }
  return undefined;
}

const daysOf = (ms: number): string => {
  const days = Math.floor(ms / 86_400_000);
  return days > 0 ? `${days} d` : `${Math.floor(ms / 3_600_000)} h`;
};
