// agh-inspect hooks: hook runs.
import { repeated } from "../../lib/cli/flags.ts";
import { verb } from "../../lib/cli/verb.ts";
import { listOverSessions, detailFlags } from "./session-selection.ts";

export const hooks = verb({
  summary: "hook runs, newest first within each session",
  flags: {
    ...detailFlags,
    outcome: repeated("applied, denied, failed, skipped, dropped, rejected", { hint: "OUTCOME" }),
    event: repeated("The event that it ran for: session.post_create, …", { hint: "EVENT" }),
  },
  examples: ["agh-inspect hooks sess-3c09b14728b4d2a8 --limit 20", "agh-inspect hooks --outcome failed,denied"],
  prints: ["hook_run"],
  run: (call) => listOverSessions(call, "hook_run", { outcomes: call.values.outcome, events: call.values.event }),
});
