// Which sessions a filter means: ids by unique prefix, the other selectors, and the order.
import { EXIT, ToolError, usageError } from "../records/error.ts";
import type { Log } from "../records/deps.ts";
import type { SessionRecord } from "../records/runtime-kinds.ts";
import type { SessionFilter, SessionSort } from "./source.ts";

const SHORTEST_PREFIX = 4;

/**
 * The full ids that the operands name. An unknown or ambiguous one is a usage error when it stands alone, else a
 * problem (exit 3) and the rest goes on.
 */
export function resolveIds(operands: readonly string[], known: Iterable<string>, log: Log): ReadonlySet<string> {
  const all = known instanceof Set ? (known as ReadonlySet<string>) : new Set(known);
  const ids = new Set<string>();
  for (const operand of new Set(operands)) {
    const found = all.has(operand) ? [operand] : withPrefix(operand, all);
    if (found.length === 1) ids.add(found[0]!);
    else if (operands.length === 1) throw noSingleMatch(operand, found);
    else {
      const { message, hint } = noSingleMatch(operand, found);
      log.problem(new ToolError({ code: "E_NO_SESSION", message, hint, exit: EXIT.partial }));
    }
  }
  return ids;
}

const withPrefix = (typed: string, all: Iterable<string>): string[] =>
  Array.from(all).filter((id) => isNamedBy(typed, id));

/**
 * Whether what was typed may mean this id: it is the id, or 4 or more characters after its first `-` (or after `sess-`);
 * a UUID has no such word before it.
 */
export function isNamedBy(typed: string, id: string): boolean {
  if (typed === id) return true;
  const own = isUuid(id) ? 0 : id.indexOf("-") + 1;
  const start = typed.length > own && id.startsWith(typed.slice(0, own)) ? own : 0;
  return typed.length - start >= SHORTEST_PREFIX && id.startsWith(typed.slice(start), own);
}

const isUuid = (id: string): boolean => id.length === 36 && id[8] === "-" && id[13] === "-" && id[23] === "-";

function noSingleMatch(typed: string, found: readonly string[]): ToolError {
  if (found.length === 0) {
    const short = typed.slice(typed.indexOf("-") + 1).length < SHORTEST_PREFIX;
    return usageError(
      `session '${typed}' does not exist`,
      short
        ? `type a full id, or at least ${SHORTEST_PREFIX} characters of it`
        : "agh-inspect sessions --format ids lists them",
    );
  }
  const more = found.length > 5 ? `, and ${found.length - 5} more` : "";
  return usageError(
    `'${typed}' names ${found.length} sessions: ${found.toSorted().slice(0, 5).join(", ")}${more}`,
    "type more characters of the id",
  );
}

/** What a filter selects of all sessions of a home, which lie in order of id; for a runtime without workspaces. */
export function selectSessions(sessions: readonly SessionRecord[], filter: SessionFilter, log: Log): SessionRecord[] {
  const ids = filter.ids?.length ? resolveIds(filter.ids, new Set(sessions.map(({ id }) => id)), log) : undefined;
  const none = filter.workspaces?.length ? new Set<string>() : undefined;
  const selected = sessions.filter(
    (session) => (!ids || ids.has(session.id)) && matches(session, filter, none) && isWithin(session, filter),
  );
  return sortSessions(selected, filter.sort).slice(0, filter.limit);
}

/** Whether a filter narrows at all: false when every session passes. */
export const hasSelectors = ({ sort: _sort, lastEvents: _last, sizes: _sizes, ...narrowing }: SessionFilter): boolean =>
  Object.values(narrowing).some((value) => (Array.isArray(value) ? value.length > 0 : Boolean(value)));

/** Ids of the sessions that `list` finds for a filter; undefined where nothing narrows it. */
export async function findSelectedIds(
  filter: SessionFilter,
  list: (filter: SessionFilter) => AsyncIterable<Pick<SessionRecord, "id">>,
): Promise<ReadonlySet<string> | undefined> {
  if (!hasSelectors(filter)) return undefined;
  const ids = new Set<string>();
  for await (const { id } of list(filter)) ids.add(id);
  return ids;
}

/** Whether last events must be read to answer the filter. */
export const needsLastEvents = ({ since, until, sort, lastEvents }: SessionFilter): boolean =>
  lastEvents === true || since !== undefined || until !== undefined || sort?.endsWith("last-event") === true;

/** All selectors but ids, times and limit. `workspaces` are ids that the filter's words were resolved to. */
export function matches(
  session: SessionRecord,
  filter: SessionFilter,
  workspaces: ReadonlySet<string> | undefined,
): boolean {
  const { agents, states, stopReasons, failures, crashed } = filter;
  return (
    isAmong(agents, session.agent_name) &&
    (!workspaces || workspaces.has(session.workspace_id ?? "")) &&
    (isAmong(states, session.state) || isAmong(states, session.effective)) &&
    isAmong(stopReasons, session.stop_reason) &&
    isAmong(failures, session.failure?.kind) &&
    (crashed !== true || hasCrashed(session))
  );
}

export const hasCrashed = ({ stop_reason, effective }: Pick<SessionRecord, "stop_reason" | "effective">): boolean =>
  stop_reason === "agent_crashed" || effective === "dead";

function isAmong(selected: readonly string[] | undefined, value: string | null | undefined): boolean {
  return !selected || selected.length === 0 || selected.includes(value ?? "");
}

/** Whether the last event lies within since (included) and until; one whose time is unknown does not. */
export function isWithin({ last_event_at }: SessionRecord, { since, until }: SessionFilter): boolean {
  if (since === undefined && until === undefined) return true;
  if (!last_event_at) return false;
  const at = sortable(last_event_at);
  return (since === undefined || at >= sortable(since)) && (until === undefined || at < sortable(until));
}

const PARTS = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?Z$/;

/** A time as text whose order is that of time: UTC with nine digits. */
export function sortable(time: string): string {
  const [, seconds, fraction = ""] = PARTS.exec(time) ?? [];
  if (seconds) return `${seconds}.${fraction.padEnd(9, "0")}Z`;
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? time : sortable(date.toISOString());
}

const KEYS: { readonly [name: string]: (session: SessionRecord) => string | number } = {
  created: ({ created_at }) => sortable(created_at ?? ""),
  updated: ({ updated_at }) => sortable(updated_at ?? ""),
  "last-event": ({ last_event_at }) => sortable(last_event_at ?? ""),
  size: ({ events_bytes, ledger_bytes }) => (events_bytes ?? 0) + (ledger_bytes ?? 0),
};

/** Sorts sessions that lie in order of id; equal ones stay in that order. */
export function sortSessions(sessions: SessionRecord[], sort: SessionSort = "id"): SessionRecord[] {
  const key = KEYS[sort.replace(/^-/, "")];
  if (!key) return sessions;
  const sign = sort.startsWith("-") ? -1 : 1;
  const keyed = sessions.map((session) => ({ session, at: key(session) }));
  keyed.sort((a, b) => (a.at < b.at ? -sign : a.at > b.at ? sign : 0));
  return keyed.map(({ session }) => session);
}
