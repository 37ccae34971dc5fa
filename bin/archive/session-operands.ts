// Which sessions, the same for the verbs of agh-archive that take them from a home.
import { operands, toggle } from "../../lib/cli/flags.ts";
import type { Input } from "../../lib/cli/input.ts";
import {
  filterOf,
  placeFlags,
  selectorFlags,
  selects,
  type PlaceValues,
  type SelectorValues,
} from "../../lib/cli/selectors.ts";
import type { Deps } from "../../lib/records/deps.ts";
import { usageError } from "../../lib/records/error.ts";
import type { SessionFilter } from "../../lib/sources/source.ts";

export const sessionOperandFlags = {
  ids: operands("ID", "Sessions, by id or unique prefix; - reads ids or session records from stdin"),
  all: toggle("Every session"),
  ...placeFlags,
  ...selectorFlags,
};

type Values = PlaceValues & SelectorValues & { readonly ids: readonly string[]; readonly all: boolean };

export interface HomeSessionSelection {
  readonly place: PlaceValues & { readonly only?: readonly string[] };
  readonly sessions: SessionFilter;
}

/** Home by home. Records from stdin bring their own home with them; nothing named at all is a usage error. */
export async function readSessionOperands(values: Values, deps: Deps, input: Input): Promise<HomeSessionSelection[]> {
  const filter = filterOf(values, deps.now());
  const { records, ids } = await input.selection(values.ids, ["session"]);
  const { runtime, homeId } = values;
  const homes = Map.groupBy(records, ({ home }) => values.home ?? (home as string | undefined));
  const found: HomeSessionSelection[] = [...homes].map(([home, of]) => {
    const only = of.map((record) => String(record["id"]));
    return { place: { home, runtime, homeId, only }, sessions: { ...filter, ids: only } };
  });
  const named = [...ids, ...(filter.ids ?? [])];
  if (named.length > 0)
    found.push({ place: { home: values.home, runtime, homeId, only: named }, sessions: { ...filter, ids: named } });
  if (found.length > 0 || values.ids.includes("-")) return found;
  if (!values.all && !selects(filter))
    throw usageError("no sessions are selected", "name sessions, select them, or pass --all");
  return [{ place: { home: values.home, runtime, homeId }, sessions: filter }];
}
