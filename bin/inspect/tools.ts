// agh-inspect tools: tool calls.
import { repeated } from "../../lib/cli/flags.ts";
import { verb } from "../../lib/cli/verb.ts";
import { listOverSessions, detailFlags } from "./session-selection.ts";

export const tools = verb({
  summary: "tool calls with input, outcome and duration",
  description: "Outcome: ok, error, interrupted (its turn ended without a result), pending (no end is recorded).",
  flags: {
    ...detailFlags,
    name: repeated("Tool name", { hint: "NAME" }),
    outcome: repeated("ok, error, interrupted, pending", { hint: "OUTCOME" }),
  },
  examples: ["agh-inspect tools --outcome error,interrupted", "agh-inspect tools --session 3c09b147"],
  prints: ["tool"],
  run: (call) => listOverSessions(call, "tool", { names: call.values.name, outcomes: call.values.outcome }),
});
