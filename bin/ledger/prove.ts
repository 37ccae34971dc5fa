// agh-ledger prove: a file that proves one line to somebody who has nothing else.
import { operand, optionalOperand } from "../../lib/cli/flags.ts";
import { placeFlags } from "../../lib/cli/selectors.ts";
import { verb } from "../../lib/cli/verb.ts";
import { parseWholeNumber } from "../../lib/policy/parse-quantities.ts";
import { Artefact, type Item } from "../../lib/records/record.ts";
import { readTrust, trustFlags } from "./trust-flags.ts";

export const prove = verb({
  summary: "a self-contained proof that an event is in a sealed ledger",
  description:
    "Prints line, path and the seal's signature, with --anchor the checkpoint too. Without SEQ it proves the ledger's first line, which names the session.",
  flags: {
    id: operand("ID", "The session, by id or unique prefix"),
    sequence: optionalOperand("SEQ", "The event's sequence"),
    ...placeFlags,
    ...trustFlags,
  },
  examples: ["agh-ledger prove sess-3c09b14728b4d2a8 17 > event-17.proof"],
  prints: ["artefact"],
  run: async function* ({ values, deps }): AsyncGenerator<Item> {
    const sequence = values.sequence === undefined ? undefined : parseWholeNumber(0)(values.sequence);
    const { anchor } = await readTrust(values);
    const { openLedgers } = await import("../../lib/ledger/open.ts");
    const { proveLine } = await import("../../lib/ledger/prove.ts");
    using opened = await openLedgers(values, deps);
    yield new Artefact(await proveLine(opened, { id: values.id, sequence, anchor }, deps));
  },
});
