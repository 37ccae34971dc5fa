// The session operands of agh-inspect's detail verbs: sessions by operand, selector or pipe, in one or more homes.
import { operands } from "../../lib/cli/flags.ts";
import type { Input } from "../../lib/cli/input.ts";
import { filterOf, placeFlags, selectorFlags, type PlaceValues, type SelectorValues } from "../../lib/cli/selectors.ts";
import type { Deps } from "../../lib/records/deps.ts";
import type { AnyRecord, Item } from "../../lib/records/record.ts";
import type { DetailKind, DetailQuery, SessionFilter } from "../../lib/sources/source.ts";

/** `--limit` counts what is printed, not sessions. */
export const sessionFlags = {
  ids: operands("ID", "Sessions, by id or unique prefix; - reads ids or records from stdin; all when none is named"),
  ...placeFlags,
  ...selectorFlags,
};

type OperandValues = PlaceValues & SelectorValues & { readonly ids: readonly string[] };

interface SessionTarget {
  readonly place: PlaceValues & { readonly only?: readonly string[] };
  readonly sessions: SessionFilter;
}

/** Kinds whose records name a session. */
const SESSION_KINDS = [
  "session",
  "event",
  "turn",
  "tool",
  "hook_run",
  "permission",
  "process",
  "failure",
  "match",
  "usage",
];

/**
 * Runs `list` over what was selected. Records from stdin bring their own home with them; where stdin names nothing,
 * nothing is listed.
 */
export async function* runOverSessions(
  { values, deps, input }: { readonly values: OperandValues; readonly deps: Deps; readonly input: Input },
  list: (place: PlaceValues, sessions: SessionFilter) => AsyncIterable<Item>,
): AsyncGenerator<Item> {
  for (const { place, sessions } of await readTargets(values, deps, input)) yield* list(place, sessions);
}

/** Runs a detail verb over what was selected. */
export async function* listOverSessions(
  call: { readonly values: OperandValues; readonly deps: Deps; readonly input: Input },
  kind: DetailKind,
  query: DetailQuery,
): AsyncGenerator<Item> {
  const { listDetails } = await import("../../lib/inspect/details.ts");
  const { limit } = call.values;
  yield* runOverSessions(call, (place, sessions) => listDetails(place, kind, { ...query, sessions, limit }, call.deps));
}

async function readTargets(values: OperandValues, deps: Deps, input: Input): Promise<SessionTarget[]> {
  const { limit: _, ...filter } = filterOf(values, deps.now());
  const { records, ids } = await input.selection(values.ids, SESSION_KINDS);
  const place = { home: values.home, runtime: values.runtime, homeId: values.homeId };
  const target = (home: string | undefined, named: readonly string[]): SessionTarget => {
    const ids = [...named, ...(filter.ids ?? [])];
    return { place: { ...place, home, ...(ids.length > 0 && { only: ids }) }, sessions: { ...filter, ids } };
  };
  const byHome = Map.groupBy(records, ({ home }) => values.home ?? (home as string | undefined));
  const found = [...byHome].map(([home, of]) => target(home, sessionIds(of)));
  if (ids.length > 0) found.push(target(values.home, ids));
  return found.length > 0 || values.ids.includes("-") ? found : [target(values.home, [])];
}

const sessionIds = (records: readonly AnyRecord[]): string[] => [
  ...new Set(records.map((record) => (record.kind === "session" ? record["id"] : record["session_id"])).filter(isText)),
];

const isText = (value: unknown): value is string => typeof value === "string";
