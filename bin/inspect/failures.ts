// agh-inspect failures: sessions that failed, and what is left to tell why.
import { verb } from "../../lib/cli/verb.ts";
import { listOverSessions, detailFlags } from "./session-selection.ts";

export const failures = verb({
  summary: "failed sessions: kind, crash bundle, stderr, last event",
  description:
    "A session that the operator cancelled has a failure of kind `cancellation`, which only --failure cancellation shows.",
  flags: detailFlags,
  examples: [
    "agh-inspect failures --since 7d",
    "agh-inspect failures --failure process_exit --json | jq -r .stderr_tail",
  ],
  prints: ["failure"],
  run: (call) => listOverSessions(call, "failure", {}),
});
