// Ledgers as `event` records, for readers of sessions whose events.db is gone.
import type { Deps } from "../records/deps.ts";
import { ToolError, asPartial, placeError } from "../records/error.ts";
import type { Item } from "../records/record.ts";
import type { SessionFilter } from "../sources/source.ts";
import type { LedgerHome } from "./open.ts";

/** One session after another. A ledger that cannot be read is a problem (exit 3) unless it is the only one named. */
export async function* catLedgers(
  { home, ledgers }: LedgerHome,
  sessions: SessionFilter,
  deps: Deps,
): AsyncGenerator<Item> {
  const named = sessions.ids?.length ?? 0;
  for await (const { id, ledger, hasLedger } of ledgers.sessions(home, sessions, deps)) {
    if (!hasLedger && named === 0) continue;
    try {
      if (!hasLedger) throw placeError("E_NO_LEDGER", `session ${id} has no ledger`, `agh-ledger write ${id}`);
      for (const block of ledgers.events({ path: ledger!, home, sessionId: id })) {
        deps.signal.throwIfAborted();
        yield block;
      }
    } catch (error) {
      if (!(error instanceof ToolError) || named === 1) throw error;
      deps.log.problem(asPartial(error));
    }
  }
}
