// agh-reconcile explain: what a finding means.
import { optionalOperand } from "../../lib/cli/flags.ts";
import { verb } from "../../lib/cli/verb.ts";
import { Artefact } from "../../lib/records/record.ts";

export const explain = verb({
  summary: "what a finding means, how it arises, what to do; without CODE the list of all findings",
  flags: { code: optionalOperand("CODE", "A finding's code") },
  examples: ["agh-reconcile explain WORKSPACE_MISSING", "agh-reconcile explain"],
  prints: ["artefact"],
  run: async ({ values }) => [
    new Artefact(await (await import("../../lib/reconcile/explain.ts")).explain(values.code)),
  ],
});
