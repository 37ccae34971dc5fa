// agh-inspect vault: what the vault holds, never the secrets.
import { repeated } from "../../lib/cli/flags.ts";
import { verb } from "../../lib/cli/verb.ts";
import { runOverSessions, sessionFlags } from "./session-operands.ts";

export const vault = verb({
  summary: "vault refs: names and times, never values",
  flags: {
    ...sessionFlags,
    namespace: repeated("providers, bridges, automation, mcp, hooks, extensions, sandbox, sessions", { hint: "NAME" }),
  },
  examples: ["agh-inspect vault", "agh-inspect vault --namespace sessions"],
  prints: ["vault_ref"],
  run: async (call) => {
    const { vault: list } = await import("../../lib/inspect/vault.ts");
    const { namespace: namespaces, limit } = call.values;
    return runOverSessions(call, (place, sessions) => list(place, { sessions, namespaces, limit }, call.deps));
  },
});
