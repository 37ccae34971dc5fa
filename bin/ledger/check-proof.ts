// agh-ledger check-proof: whether a proof holds.
import { operand } from "../../lib/cli/flags.ts";
import { verb } from "../../lib/cli/verb.ts";
import type { Item } from "../../lib/records/record.ts";
import { trusted, trustFlags } from "./trust.ts";

export const checkProof = verb({
  summary: "whether a proof holds; needs no home",
  description:
    "Exit 1 when it does not, or when --pub is given and no such key signed it. docs/proof.md does the same with openssl and Python alone.",
  flags: { file: operand("FILE", "The proof; - reads stdin"), ...trustFlags },
  examples: ["agh-ledger check-proof event-17.proof --pub agh-ledger.key.pub"],
  prints: ["proof", "summary"],
  run: async function* ({ values, deps, input }): AsyncGenerator<Item> {
    const { keys, anchor } = await trusted(values);
    const { checkProofFile } = await import("../../lib/ledger/check-proof.ts");
    yield* checkProofFile(values.file === "-" ? input.stdin : values.file, { keys, anchor }, deps);
  },
});
