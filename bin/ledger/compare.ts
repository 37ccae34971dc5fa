// agh-ledger compare: ledgers against events.db.
import { verb } from "../../lib/cli/verb.ts";
import { overLedgerHomes, ledgerFlags, readSelections } from "./session-selection.ts";

export const compare = verb({
  summary: "events.db against ledger",
  description:
    "Verdicts: equal; prefix (AGH's repair at boot has appended events); ended_at (the repair has moved the session's end); purged (events.db is empty now); raw_stripped (a migration took `raw` out of events.db); differs (exit 1). All sessions when none is named.",
  flags: ledgerFlags,
  examples: ["agh-ledger compare", "agh-ledger compare --all --json | jq -r 'select(.verdict == \"differs\").id'"],
  prints: ["verdict", "finding", "summary"],
  run: async (call) => {
    const found = await readSelections(call);
    const { compareLedgers } = await import("../../lib/ledger/compare.ts");
    return overLedgerHomes("compare", call, found, (home, sessions, tally) =>
      compareLedgers(home, sessions, call.deps, tally),
    );
  },
});
