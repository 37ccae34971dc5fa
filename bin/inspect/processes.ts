// agh-inspect processes: tool processes that the runtime checkpointed.
import { repeated } from "../../lib/cli/flags.ts";
import { verb } from "../../lib/cli/verb.ts";
import { runOverSessions, sessionFlags } from "./session-operands.ts";

export const processes = verb({
  summary: "tool processes, last changed first, and whether they run now",
  flags: {
    ...sessionFlags,
    state: repeated("State of the process: running, interrupting, interrupted, completed, failed, stale", {
      hint: "STATE",
    }),
  },
  examples: [
    "agh-inspect processes --state running,interrupting",
    "agh-inspect processes --json | jq 'select(.alive)'",
  ],
  prints: ["process"],
  run: async (call) => {
    const { processes: list } = await import("../../lib/inspect/processes.ts");
    const { state: states, limit } = call.values;
    // --state is the process's here, so it selects no sessions.
    const own = { ...call, values: { ...call.values, state: [] } };
    return runOverSessions(own, (place, sessions) => list(place, { sessions, states, limit }, call.deps));
  },
});
