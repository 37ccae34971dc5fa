// agh-ledger seal: a sidecar that shows whether a ledger was changed.
import { option } from "../../lib/cli/flags.ts";
import { verb } from "../../lib/cli/verb.ts";
import { readNamedSelections, overLedgerHomes, ledgerFlags } from "./session-selection.ts";

export const seal = verb({
  summary: "seal ledgers: ledger.seal beside each, signed with --key",
  description:
    "The seal holds the RFC 9162 tree over the ledger's lines. Without a key it finds accidents only: whoever changes a ledger can seal it again. A ledger that no longer matches its seal keeps the old one (exit 3).",
  flags: {
    ...ledgerFlags,
    key: option<string>("Sign with the private key in FILE (agh-ledger keygen)", { hint: "FILE" }),
  },
  examples: ["agh-ledger seal --all --key /etc/agh/ledger.key", "agh-ledger seal sess-3c09b14728b4d2a8"],
  prints: ["seal", "finding", "summary"],
  run: async (call) => {
    const found = await readNamedSelections(call);
    const { sealLedgers } = await import("../../lib/ledger/seal.ts");
    const { readSigner } = await import("../../lib/ledger/keys.ts");
    const { key, dryRun } = call.values;
    const signer = key === undefined ? undefined : readSigner(key);
    return overLedgerHomes("seal", call, found, (home, sessions, tally) =>
      sealLedgers(home, { sessions, dryRun, signer }, call.deps, tally),
    );
  },
});
