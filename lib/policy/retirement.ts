// Which sessions a policy retires, and why: a pure function of their ages and sizes. Where a clock is in doubt, it keeps.
import type { SessionRecord } from "../records/runtime-kinds.ts";

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

/** A session of the home, as the policy sees it. */
export interface Candidate extends SessionTimes {
  readonly id: string;
  readonly bytes: number;
  /** The others count for floors and totals. */
  readonly isSelected: boolean;
  /** Why no rule touches it: it runs, its agent is kept. */
  readonly kept: string | undefined;
}

/** Only sessions that a rule would retire have one. `keep`: a floor, or a clock in doubt; `block`: a gate. */
export interface Decision {
  readonly id: string;
  readonly fate: "remove" | "keep" | "block";
  readonly reason: string;
}

/** Why a session must stay though a rule would retire it; undefined where nothing is against it. */
export type CheckGates = (id: string) => Promise<string | undefined>;

export interface Retirement {
  /** Oldest first. */
  readonly decisions: readonly Decision[];
  /** What is still above `maxTotal` and `maxSessions` without the sessions that are removed. */
  readonly excess: SessionTotal;
  /** All sessions of the home, before. */
  readonly total: SessionTotal;
}

export interface SessionTotal {
  readonly bytes: number;
  readonly sessions: number;
}

export interface RetirementPolicy {
  readonly rules: RetirementRules & Floors;
  readonly now: Date;
  /** Called once for a session that a rule would retire and no floor keeps, oldest first. */
  readonly gates: CheckGates;
}

/** Without any rule all that are selected go. */
export async function decideRetirement(
  candidates: readonly Candidate[],
  { rules, now, gates }: RetirementPolicy,
): Promise<Retirement> {
  const aged = candidates.map((session) => ({ session, at: momentOf(session, now) })).sort(byAge);
  const newest = newestOf(aged, rules.keepLast ?? 0);
  const isByRule = rules.olderThan !== undefined || rules.maxTotal !== undefined || rules.maxSessions !== undefined;
  const total = { bytes: candidates.reduce((sum, { bytes }) => sum + bytes, 0), sessions: candidates.length };
  const left = { ...total };
  const decisions: Decision[] = [];
  for (const { session, at } of aged) {
    if (!session.isSelected) continue;
    const { id } = session;
    const due = reasonFor(at, rules, left, now);
    if (due === undefined) continue;
    const kept = newest.has(id) ? `it is among the ${rules.keepLast} newest` : (session.kept ?? doubtIn(at, isByRule));
    const blocked = kept === undefined ? await gates(id) : undefined;
    decisions.push(decisionFor(id, { kept, blocked, due }));
    if (kept !== undefined || blocked !== undefined) continue;
    left.bytes -= session.bytes;
    left.sessions--;
  }
  const { maxTotal = Infinity, maxSessions = Infinity } = rules;
  const excess = { bytes: Math.max(0, left.bytes - maxTotal), sessions: Math.max(0, left.sessions - maxSessions) };
  return { decisions, excess, total };
}

function decisionFor(
  id: string,
  { kept, blocked, due }: { readonly kept: string | undefined; readonly blocked: string | undefined; due: string },
): Decision {
  if (kept !== undefined) return { id, fate: "keep", reason: kept };
  if (blocked !== undefined) return { id, fate: "block", reason: blocked };
  return { id, fate: "remove", reason: due };
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

/** The times of a session by which a policy knows its age. */
export const timesOf = ({
  last_event_at,
  created_at,
  updated_at,
}: Pick<SessionRecord, "last_event_at" | "created_at" | "updated_at">): SessionTimes => ({
  last: last_event_at ?? null,
  created: created_at ?? null,
  updated: updated_at ?? null,
});

/** What is wrong with the clocks that a session was stamped by; undefined where nothing is. */
export const doubtAbout = (times: SessionTimes, now: Date): string | undefined => doubtIn(momentOf(times, now), false);

const doubtIn = (at: Moment, isByRule: boolean): string | undefined =>
  at === undefined && isByRule ? "the time of its last event is not known" : typeof at === "string" ? at : undefined;

interface Aged {
  readonly session: Candidate;
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
  left: SessionTotal,
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
