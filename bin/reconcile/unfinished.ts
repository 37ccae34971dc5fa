// agh-reconcile unfinished: the runs that were killed.
import { placeFlags } from "../../lib/cli/selectors.ts";
import { verb } from "../../lib/cli/verb.ts";

export const unfinished = verb({
  summary: "the runs of any command that were killed while they changed the home",
  description:
    "The next command that changes the home finishes them, or refuses (4) where that cannot be done: state `refused`, with the reason. undo RUN --apply takes one back as far as it went; undo RUN --abandon --apply sets aside what cannot be. Nothing in the home is touched.",
  flags: placeFlags,
  examples: ["agh-reconcile unfinished", "agh-reconcile unfinished --json | jq -r .next"],
  prints: ["run"],
  run: async ({ values, deps }) => (await import("../../lib/reconcile/unfinished.ts")).listUnfinished(values, deps),
});
