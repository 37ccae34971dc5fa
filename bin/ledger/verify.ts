// agh-ledger verify: whether ledgers are what was sealed.
import { choice } from "../../lib/cli/flags.ts";
import { verb } from "../../lib/cli/verb.ts";
import { overTargets, selectedFlags, targets } from "./selected.ts";
import { trusted, trustFlags } from "./trust.ts";

export const verify = verb({
  summary: "whether ledgers are what was sealed, and on whose word",
  description:
    "Status: ok, tampered, truncated, rewritten (ledger and seal made anew), missing, unsealed. Trust: self (nobody vouches for the seal), signed (by a key of --pub), anchored (the ledger begins with what the checkpoint has). With --pub at least signed is required unless --require-trust says otherwise. Anything else is exit 1.",
  flags: {
    ...selectedFlags,
    ...trustFlags,
    requireTrust: choice("The least trust that is enough", ["self", "signed", "anchored"]),
  },
  examples: [
    "agh-ledger verify --all --pub agh-ledger.key.pub",
    "agh-ledger verify --pub agh-ledger.key.pub --anchor /mnt/elsewhere/agh.checkpoint",
  ],
  prints: ["seal", "finding", "summary"],
  run: async (call) => {
    const found = await targets(call);
    const { keys, anchor } = await trusted(call.values);
    const { verifyLedgers } = await import("../../lib/ledger/verify.ts");
    const require = call.values.requireTrust ?? (keys.length > 0 ? "signed" : "self");
    return overTargets("verify", call, found, (home, { sessions, everything: all }, tally) =>
      verifyLedgers(home, { sessions, keys, anchor, require, all }, call.deps, tally),
    );
  },
});
