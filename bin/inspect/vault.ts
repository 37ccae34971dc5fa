// agh-inspect vault: what the vault holds, never the secrets.
import { repeated } from "../../lib/cli/flags.ts";
import { verb } from "../../lib/cli/verb.ts";
import { listOverSessions, detailFlags } from "./session-selection.ts";

export const vault = verb({
  summary: "vault refs: names and times, never values",
  flags: {
    ...detailFlags,
    namespace: repeated("providers, bridges, automation, mcp, hooks, extensions, sandbox, sessions", { hint: "NAME" }),
  },
  examples: ["agh-inspect vault", "agh-inspect vault --namespace sessions"],
  prints: ["vault_ref"],
  run: (call) => listOverSessions(call, "vault_ref", { namespaces: call.values.namespace }),
});
