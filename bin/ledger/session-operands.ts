// The session operands of agh-ledger's verbs: sessions by operand, selector or pipe, and one summary at the end.
import { operands, toggle } from "../../lib/cli/flags.ts";
import type { Input } from "../../lib/cli/input.ts";
import { filterOf, placeFlags, selectorFlags, type PlaceValues, type SelectorValues } from "../../lib/cli/selectors.ts";
import type { LedgerHome } from "../../lib/ledger/open.ts";
import type { Deps } from "../../lib/records/deps.ts";
import { usageError } from "../../lib/records/error.ts";
import type { AnyRecord, Item } from "../../lib/records/record.ts";
import type { Tally } from "../../lib/records/summary.ts";
import type { SessionFilter } from "../../lib/sources/source.ts";

export const sessionFlags = {
  ids: operands("ID", "Sessions, by id or unique prefix; - reads ids or records from stdin"),
  all: toggle("All sessions"),
  ...placeFlags,
  ...selectorFlags,
};

type OperandValues = PlaceValues & SelectorValues & { readonly ids: readonly string[]; readonly all: boolean };

interface LedgerCall {
  readonly values: OperandValues;
  readonly deps: Deps;
  readonly input: Input;
}

/** Kinds whose records name a session. */
const SESSION_KINDS = ["session", "ledger", "seal", "verdict", "event", "turn", "failure"];

export interface LedgerTarget {
  readonly home: string | undefined;
  readonly sessions: SessionFilter;
  /** Nothing narrows it: every session there is. */
  readonly everything: boolean;
}

/** A home and its sessions for each home that is named; none where stdin names nothing. */
export async function readTargets({ values, deps, input }: LedgerCall): Promise<LedgerTarget[]> {
  const filter = filterOf(values, deps.now());
  const { records, ids } = await input.selection(values.ids, SESSION_KINDS);
  if (values.all && values.ids.length > 0) throw usageError("name sessions or --all, not both");
  const byHome = Map.groupBy(records, ({ home }) => values.home ?? (home as string | undefined));
  const found = [...byHome].map(([home, of]) => target(home, filter, of.map(sessionId).filter(isText)));
  if (ids.length > 0) found.push(target(values.home, filter, ids));
  return found.length > 0 || values.ids.includes("-") ? found : [target(values.home, filter, [])];
}

function target(home: string | undefined, filter: SessionFilter, named: readonly string[]): LedgerTarget {
  const sessions = { ...filter, ids: [...new Set([...named, ...(filter.ids ?? [])])] };
  return { home, sessions, everything: !isNarrowed(sessions) };
}

const sessionId = (record: AnyRecord): unknown => record["session_id"] ?? record["id"];
const isText = (value: unknown): value is string => typeof value === "string";

function isNarrowed(filter: SessionFilter): boolean {
  return Object.values(filter).some((part) =>
    Array.isArray(part) ? part.length > 0 : part !== undefined && part !== false,
  );
}

/** Those of a verb that changes something: it never takes silence for everything. */
export async function readNamedTargets(call: LedgerCall): Promise<LedgerTarget[]> {
  const found = await readTargets(call);
  if (!call.values.all && found.some(({ everything }) => everything)) throw usageError("name sessions or --all");
  return found;
}

type LedgerVerb = (home: LedgerHome, target: LedgerTarget, tally: Tally) => AsyncIterable<AnyRecord>;

/** Runs a verb over every target, then sums up. */
export async function* runOverTargets(
  name: string,
  { values, deps }: LedgerCall,
  found: readonly LedgerTarget[],
  verb: LedgerVerb,
): AsyncGenerator<Item> {
  const { openLedgers } = await import("../../lib/ledger/open.ts");
  const { startTally } = await import("../../lib/formats/start-tally.ts");
  const { orderKeys: documented } = await import("../../lib/records/order-keys.ts");
  const tally = startTally(`agh-ledger ${name}`, deps);
  for (const target of found) {
    using opened = await openLedgers({ ...values, home: target.home }, deps);
    for await (const record of verb(opened, target, tally)) yield documented(record);
  }
  yield tally.summary();
}
