// Which archives, the same for the verbs of agh-archive that read them.
import { operands, option, repeated, toggle, type FlagValues } from "../../lib/cli/flags.ts";
import type { Input } from "../../lib/cli/input.ts";
import { filterOf, selectorFlags, selects } from "../../lib/cli/selectors.ts";
import type { ArchiveSelection } from "../../lib/archive/list-archives.ts";
import type { Deps } from "../../lib/records/deps.ts";
import { usageError } from "../../lib/records/error.ts";
import type { AnyRecord } from "../../lib/records/record.ts";
import type { SessionFilter } from "../../lib/sources/source.ts";

export const archiveOperandFlags = {
  ids: operands("ID", "Sessions, by id or unique prefix; - reads ids or archive records from stdin"),
  from: option<string>(
    "Target with the archives: a directory or s3://BUCKET/PREFIX; the target in a retired session's tombstone, else session-archive in the home, unless given",
    { hint: "TARGET" },
  ),
  home: option<string>("Home whose session-archive is read; AGH_HOME, else ~/.agh unless given", { hint: "DIR" }),
};

const { session, agent, state, stopReason, crashed, since, until, olderThan, limit } = selectorFlags;

/** The family's selectors, as far as a receipt can answer them. */
export const receiptSelectors = {
  session,
  agent,
  workspace: repeated("Workspace, by the id that the session was recorded under", { hint: "WS" }),
  state,
  stopReason,
  crashed,
  since,
  until,
  olderThan,
  limit,
};

export const allFlag = { all: toggle("Every archive in the target") };

interface Values {
  readonly ids: readonly string[];
  readonly from: string | undefined;
  readonly home: string | undefined;
  readonly all?: boolean;
  /** Where the verb takes selectors. */
  readonly filter?: SessionFilter | undefined;
}

/** The values of `receiptSelectors` as a filter; undefined when nothing was selected. */
export function parseReceiptFilter(
  values: FlagValues<typeof receiptSelectors>,
  { now }: Pick<Deps, "now">,
): SessionFilter | undefined {
  const filter = filterOf({ ...values, failure: [] }, now());
  return selects(filter) || filter.limit !== undefined || (filter.ids ?? []).length > 0 ? filter : undefined;
}

/** Target by target. Records from stdin bring their own target; nothing named at all is a usage error. */
export async function readArchiveOperands(
  values: Values,
  deps: Pick<Deps, "env" | "platform">,
  input: Input,
): Promise<ArchiveSelection[]> {
  const { records, ids } = await input.selection(values.ids, ["archive", "session"]);
  const target = async (): Promise<string> => values.from ?? (await defaultTarget(values.home, deps));
  const { ids: selected = [], ...narrowing } = values.filter ?? {};
  const filter = values.filter && { filter: narrowing };
  const named = [...ids, ...selected];
  const found: ArchiveSelection[] = [];
  for (const [at, of] of Map.groupBy(records, targetIn)) {
    const listed = of.map((record) => String(record["id"]));
    const from = values.from ?? at;
    if (from === undefined) named.push(...listed);
    else found.push({ target: from, ids: listed, all: false, ...filter });
  }
  for (const [at, of] of await targets(named, values, deps)) found.push({ target: at, ids: of, all: false, ...filter });
  if (found.length > 0 || values.ids.includes("-")) return found;
  if (values.all === false && !selects(narrowing))
    throw usageError("no archives are selected", "name sessions, select them, or pass --all");
  return [{ target: await target(), ids: [], all: true, ...filter }];
}

function targetIn(record: AnyRecord): string | undefined {
  if (typeof record["target"] === "string") return record["target"];
  const home = record["home"];
  return typeof home === "string" && home.startsWith("archive:") ? home.slice("archive:".length) : undefined;
}

/** Where each of those lies that bring no target with them. */
async function targets(
  ids: readonly string[],
  { from, home }: Values,
  deps: Parameters<typeof readArchiveOperands>[1],
): Promise<Iterable<readonly [string, readonly string[]]>> {
  if (ids.length === 0) return [];
  if (from !== undefined) return [[from, ids]];
  const { findArchiveTargets } = await import("../../lib/archive/default-target.ts");
  return findArchiveTargets(ids, home, deps);
}

async function defaultTarget(
  home: string | undefined,
  deps: Parameters<typeof readArchiveOperands>[1],
): Promise<string> {
  const { defaultArchiveTarget } = await import("../../lib/archive/default-target.ts");
  return defaultArchiveTarget(home, deps);
}
