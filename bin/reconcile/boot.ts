// agh-reconcile boot: what AGH's own start would do.
import { placeFlags } from "../../lib/cli/selectors.ts";
import { verb } from "../../lib/cli/verb.ts";

export const boot = verb({
  summary: "predict AGH's start: why it is refused, or what AGH will mark, repair and move aside",
  description: "Reads all that AGH reads and touches nothing. Exit 1 when AGH would refuse to start.",
  flags: placeFlags,
  examples: ["agh-reconcile boot", "agh-reconcile boot --json | jq -r '.refusals[]?'"],
  prints: ["boot", "summary"],
  run: async ({ values, deps }) => (await import("../../lib/reconcile/boot.ts")).bootHome(values, deps),
});
