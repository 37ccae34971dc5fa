// agh-inspect workspaces: directories that the runtime knows.
import { option } from "../../lib/cli/flags.ts";
import { placeFlags } from "../../lib/cli/selectors.ts";
import { verb } from "../../lib/cli/verb.ts";
import { parseWholeNumber } from "../../lib/policy/parse-quantities.ts";

export const workspaces = verb({
  summary: "workspaces with both of their ids, last changed first",
  flags: { ...placeFlags, limit: option("At most N", { hint: "N", convert: parseWholeNumber(1) }) },
  examples: ["agh-inspect workspaces", "agh-inspect workspaces --json | jq -r 'select(.exists | not) | .root_dir'"],
  prints: ["workspace"],
  run: async ({ values, deps }) => {
    const { listDetails } = await import("../../lib/inspect/details.ts");
    return listDetails(values, "workspace", { limit: values.limit }, deps);
  },
});
