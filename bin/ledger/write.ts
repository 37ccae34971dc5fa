// agh-ledger write: ledgers as AGH writes them.
import { verb } from "../../lib/cli/verb.ts";
import { readNamedSelections, overLedgerHomes, ledgerFlags } from "./session-selection.ts";

export const write = verb({
  summary: "materialise ledgers as AGH does, byte for byte",
  description:
    "Also for sessions that died with the daemon. An existing ledger is kept: equal or purged is fine, anything else is a finding (exit 3). New ones are read-only. Sessions that run are left to AGH. For agsh and AGDD, which have no ledgers, each event is written as its record, into .agh-ledgers.",
  flags: ledgerFlags,
  examples: [
    "agh-ledger write --all",
    "agh-ledger write sess-3c09b14728b4d2a8",
    "agh-inspect sessions --crashed | agh-ledger write -",
  ],
  prints: ["ledger", "finding", "summary"],
  run: async (call) => {
    const found = await readNamedSelections(call);
    const { writeLedgers } = await import("../../lib/ledger/write.ts");
    const { dryRun } = call.values;
    return overLedgerHomes("write", call, found, (home, sessions, tally) =>
      writeLedgers(home, { sessions, dryRun }, call.deps, tally),
    );
  },
});
