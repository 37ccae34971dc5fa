// Which sessions a selection names, in which home, and where it says that they are archived.
import type { Input } from "../../lib/cli/input.ts";
import type { PlaceValues } from "../../lib/cli/selectors.ts";
import { usageError } from "../../lib/records/error.ts";
import type { AnyRecord } from "../../lib/records/record.ts";

export interface VacuumSelection {
  readonly place: PlaceValues;
  /** Undefined where nothing was selected; empty where the selection is. */
  readonly selected: ReadonlySet<string> | undefined;
  /** Session id to target, of `archive` records. */
  readonly archives: ReadonlyMap<string, string>;
  readonly homeIds: ReadonlySet<string>;
}

/** Records bring their home with them; those of several homes are a usage error. */
export async function readVacuumOperands(
  values: PlaceValues & { readonly ids: readonly string[] },
  input: Input,
): Promise<VacuumSelection> {
  const { home, runtime, homeId } = values;
  const { records, ids } = await input.selection(values.ids, ["session", "archive"]);
  const homes = new Set(records.map(homeOf));
  if (home === undefined && homes.size > 1) {
    throw usageError(
      `the selection names sessions of several homes: ${[...homes].join(", ")}`,
      "run it once for each home: --home DIR",
    );
  }
  const archived = records.filter(({ kind, target }) => kind === "archive" && typeof target === "string");
  return {
    place: { home: home ?? [...homes][0], runtime, homeId },
    selected: values.ids.length > 0 ? new Set([...ids, ...records.map(({ id }) => String(id))]) : undefined,
    archives: new Map(archived.map(({ id, target }) => [String(id), String(target)])),
    homeIds: new Set(home === undefined ? archived.map(({ home_id }) => String(home_id)) : []),
  };
}

function homeOf({ kind, id, home, home_path }: AnyRecord): string {
  const homePath = kind === "archive" ? home_path : home;
  if (typeof homePath === "string") return homePath;
  throw usageError(`the ${kind} ${String(id)} does not name its home`, "name the home: --home DIR");
}
