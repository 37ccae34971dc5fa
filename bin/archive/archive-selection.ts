// Which archives and which sessions, the same for the verbs of agh-archive.
import { operands, option, repeated, toggle, type FlagValues } from "../../lib/cli/flags.ts";
import type { Input } from "../../lib/cli/input.ts";
import { filterOf, selectorFlags } from "../../lib/cli/selectors.ts";
import {
  readArchiveOperands,
  readSessionOperands,
  sessionFlags,
  type SessionCall,
  type SessionSelection,
  type TargetSelection,
} from "../../lib/cli/session-operands.ts";
import type { Deps } from "../../lib/records/deps.ts";
import { usageError } from "../../lib/records/error.ts";
import { hasSelectors } from "../../lib/sources/selection.ts";
import type { SessionFilter } from "../../lib/sources/source.ts";

/** Of the verbs that take sessions from homes. */
export const archivedSessionFlags = {
  ...sessionFlags("Sessions, by id or unique prefix; - reads ids or session records from stdin"),
  all: toggle("Every session"),
};

/** Home by home; nothing selected at all is a usage error. */
export const readHomeSelections = (call: SessionCall): Promise<SessionSelection[]> =>
  readSessionOperands(call, {
    kinds: ["session"],
    unselected: usageError("no sessions are selected", "name sessions, select them, or pass --all"),
  });

export const archiveFlags = {
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

type ArchiveValues = Parameters<typeof readArchiveOperands>[0] & { readonly home: string | undefined };

/** The values of `receiptSelectors` as a filter; undefined when nothing was selected. */
export function parseReceiptFilter(
  values: FlagValues<typeof receiptSelectors>,
  { now }: Pick<Deps, "now">,
): SessionFilter | undefined {
  const filter = filterOf({ ...values, failure: [] }, now());
  return hasSelectors(filter) ? filter : undefined;
}

/** Target by target. */
export const readArchiveSelections = (
  values: ArchiveValues,
  deps: Pick<Deps, "env" | "platform">,
  input: Input,
): Promise<TargetSelection[]> =>
  readArchiveOperands(values, input, {
    find: async (ids) =>
      (await import("../../lib/archive/default-target.ts")).findArchiveTargets(ids, values.home, deps),
    usual: async () => (await import("../../lib/archive/default-target.ts")).defaultArchiveTarget(values.home, deps),
  });
