// agh-inspect permissions: what was requested, and what was decided.
import { repeated } from "../../lib/cli/flags.ts";
import { verb } from "../../lib/cli/verb.ts";
import { listOverSessions, detailFlags } from "./session-selection.ts";

export const permissions = verb({
  summary: "requests for permission, what was decided and how long it took",
  flags: {
    ...detailFlags,
    decision: repeated("allow-once, allow-always, reject-once, reject-always, pending", { hint: "DECISION" }),
  },
  examples: ["agh-inspect permissions --decision pending", "agh-inspect permissions --agent reviewer"],
  prints: ["permission"],
  run: (call) => listOverSessions(call, "permission", { decisions: call.values.decision }),
});
