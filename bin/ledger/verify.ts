// agh-ledger verify: whether ledgers match their seals.
import { choice } from "../../lib/cli/flags.ts";
import { verb } from "../../lib/cli/verb.ts";
import { overLedgerHomes, ledgerFlags, readSelections } from "./session-selection.ts";
import { readTrust, trustFlags } from "./trust-flags.ts";

export const verify = verb({
  summary: "whether ledgers match their seals, and who vouches for them",
  description:
    "Status: ok, tampered, truncated, rewritten (ledger and seal replaced together), missing, unsealed. Trust: self (nobody vouches for the seal), signed (by a key of --pub), anchored (the ledger begins with the lines that the checkpoint covers). With --pub at least signed is required unless --require-trust says otherwise. Anything else is exit 1; so is a home without a ledger.",
  flags: {
    ...ledgerFlags,
    ...trustFlags,
    requireTrust: choice("The least trust that is enough", ["self", "signed", "anchored"]),
  },
  examples: [
    "agh-ledger verify --all --pub agh-ledger.key.pub",
    "agh-ledger verify --pub agh-ledger.key.pub --anchor /mnt/elsewhere/agh.checkpoint",
  ],
  prints: ["seal", "finding", "summary"],
  run: async (call) => {
    const found = await readSelections(call);
    const { keys, anchor } = await readTrust(call.values);
    const { verifyLedgers } = await import("../../lib/ledger/verify.ts");
    const require = call.values.requireTrust ?? (keys.length > 0 ? "signed" : "self");
    return overLedgerHomes("verify", call, found, (home, sessions, tally) =>
      verifyLedgers(home, { sessions, keys, anchor, require }, call.deps, tally),
    );
  },
});
