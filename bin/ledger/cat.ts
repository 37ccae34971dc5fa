// agh-ledger cat: ledgers as event records.
import { verb } from "../../lib/cli/verb.ts";
import type { Item } from "../../lib/records/record.ts";
import { readNamedSelections, ledgerFlags } from "./session-selection.ts";

export const cat = verb({
  summary: "the ledger as event records, the same shape as from events.db",
  flags: ledgerFlags,
  examples: ["agh-ledger cat sess-3c09b14728b4d2a8", "agh-ledger cat --all --json | jq -r .type | sort | uniq -c"],
  prints: ["event"],
  run: async function* (call): AsyncGenerator<Item> {
    const found = await readNamedSelections(call);
    const { openLedgers } = await import("../../lib/ledger/open.ts");
    const { catLedgers } = await import("../../lib/ledger/cat.ts");
    for (const { place, sessions } of found) {
      using opened = await openLedgers(place, call.deps);
      yield* catLedgers(opened, sessions, call.deps);
    }
  },
});
