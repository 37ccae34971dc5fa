// agh-inspect turns: prompt, answer, tools and usage, turn by turn.
import { toggle } from "../../lib/cli/flags.ts";
import { verb } from "../../lib/cli/verb.ts";
import { listOverSessions, detailFlags } from "./session-selection.ts";

export const turns = verb({
  summary: "prompt, answer, tools and usage, turn by turn",
  description:
    "Text and thoughts are joined from their chunks. Hook dispatches and lifecycle steps have turns of their own, which only --all-turns shows.",
  flags: { ...detailFlags, allTurns: toggle("Hook dispatches and lifecycle steps too") },
  examples: ["agh-inspect turns sess-3c09b14728b4d2a8", "agh-inspect turns --crashed --fields session_id,prompt,error"],
  prints: ["turn"],
  run: (call) => listOverSessions(call, "turn", { all: call.values.allTurns }),
});
