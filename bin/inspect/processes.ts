// agh-inspect processes: tool processes that the runtime checkpointed.
import { repeated } from "../../lib/cli/flags.ts";
import { verb } from "../../lib/cli/verb.ts";
import { listOverSessions, detailFlags } from "./session-selection.ts";

export const processes = verb({
  summary: "tool processes, last changed first, and whether they run now",
  flags: {
    ...detailFlags,
    state: repeated("State of the process: running, interrupting, interrupted, completed, failed, stale", {
      hint: "STATE",
    }),
  },
  examples: [
    "agh-inspect processes --state running,interrupting",
    "agh-inspect processes --json | jq 'select(.alive)'",
  ],
  prints: ["process"],
  // --state is the process's here, so it selects no sessions.
  run: (call) => {
    const { state: states } = call.values;
    return listOverSessions({ ...call, values: { ...call.values, state: [] } }, "process", { states });
  },
});
