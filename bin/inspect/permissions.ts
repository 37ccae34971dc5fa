// agh-inspect permissions: who asked for what, and what was decided.
import { repeated } from "../../lib/cli/flags.ts";
import { verb } from "../../lib/cli/verb.ts";
import { overSelected, selectedFlags } from "./selected.ts";

export const permissions = verb({
  summary: "requests for permission, what was decided and how long it took",
  flags: {
    ...selectedFlags,
    decision: repeated("allow-once, allow-always, reject-once, reject-always, pending", { hint: "DECISION" }),
  },
  examples: ["agh-inspect permissions --decision pending", "agh-inspect permissions --agent reviewer"],
  prints: ["permission"],
  run: async (call) => {
    const { permissions: list } = await import("../../lib/inspect/permissions.ts");
    const { decision: decisions, limit } = call.values;
    return overSelected(call, (place, sessions) => list(place, { sessions, decisions, limit }, call.deps));
  },
});
