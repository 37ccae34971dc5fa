// Which sessions, the same for agh-ledger's verbs, and one summary at the end.
import { toggle } from "../../lib/cli/flags.ts";
import {
  readSessionOperands,
  sessionFlags,
  type SessionCall,
  type SessionSelection,
} from "../../lib/cli/session-operands.ts";
import { usageError, type ToolError } from "../../lib/records/error.ts";
import type { Item } from "../../lib/records/record.ts";
import type { LedgerVerb } from "../../lib/ledger/open.ts";

export const ledgerFlags = {
  ...sessionFlags("Sessions, by id or unique prefix; - reads ids or records from stdin"),
  all: toggle("All sessions"),
};

/** Kinds whose records name a session. */
const kinds = ["session", "ledger", "seal", "verdict", "event", "turn", "failure"];

/** Home by home; every session where nothing is selected. */
export function readSelections(call: SessionCall, unselected?: ToolError): Promise<SessionSelection[]> {
  const { ids, all } = call.values;
  if (all === true && ids.length > 0) throw usageError("name sessions or --all, not both");
  return readSessionOperands(call, { kinds, limitSelects: true, ...(unselected && { unselected }) });
}

/** Those of a verb that changes something: it never takes silence for everything. */
export const readNamedSelections = (call: SessionCall): Promise<SessionSelection[]> =>
  readSelections(call, usageError("name sessions or --all"));

/** Runs a verb over every selection, then sums up. */
export async function overLedgerHomes(
  name: string,
  call: SessionCall,
  selections: readonly SessionSelection[],
  verb: LedgerVerb,
): Promise<AsyncGenerator<Item>> {
  const { overLedgers } = await import("../../lib/ledger/open.ts");
  return overLedgers(`agh-ledger ${name}`, selections, verb, call.deps);
}
