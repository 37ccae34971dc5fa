// agh-ledger check-proof: whether a proof is valid.
import { operand } from "../../lib/cli/flags.ts";
import { verb } from "../../lib/cli/verb.ts";
import type { Item } from "../../lib/records/record.ts";
import { readTrust, trustFlags } from "./trust-flags.ts";

export const checkProof = verb({
  summary: "whether a proof is valid; needs no home",
  description:
    "Exit 1 when it is not, or when --pub is given and no such key signed it. docs/proof.md does the same with openssl and Python alone.",
  flags: { file: operand("FILE", "The proof; - reads stdin"), ...trustFlags },
  examples: ["agh-ledger check-proof event-17.proof --pub agh-ledger.key.pub"],
  prints: ["proof", "summary"],
  run: async function* ({ values, deps, input }): AsyncGenerator<Item> {
    const { keys, anchor } = await readTrust(values);
    const { checkProofFile } = await import("../../lib/ledger/check-proof.ts");
    yield* checkProofFile(values.file === "-" ? input.stdin : values.file, { keys, anchor }, deps);
  },
});
