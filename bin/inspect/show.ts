// agh-inspect show: everything about one session.
import { operand } from "../../lib/cli/flags.ts";
import { placeFlags } from "../../lib/cli/selectors.ts";
import { verb } from "../../lib/cli/verb.ts";

export const show = verb({
  summary: "everything about one session",
  description:
    "Each part is a record of its own kind: the session with its events counted by type, the tombstone of one that was retired, its files, ledger, usage, failure with its crash bundle, and the metadata of its vault refs.",
  flags: { id: operand("ID", "The session, by id or unique prefix"), ...placeFlags },
  examples: ["agh-inspect show 3c09", "agh-inspect show 3c09 --json | jq 'select(.kind == \"path\") | .id'"],
  prints: ["session", "tombstone", "path", "ledger", "usage", "failure", "vault_ref"],
  run: async ({ values, deps }) => (await import("../../lib/inspect/show.ts")).show(values, values.id, deps),
});
