// agh-inspect paths: every path that belongs to a home.
import { placeFlags } from "../../lib/cli/selectors.ts";
import { verb } from "../../lib/cli/verb.ts";

export const paths = verb({
  summary: "every path of the home and of what it points to: class, size, mode, backed up or why not",
  flags: placeFlags,
  examples: [
    "agh-inspect paths",
    "agh-inspect paths --json | jq -r 'select(.backed_up | not) | [.reason, .id] | @tsv'",
  ],
  prints: ["path"],
  run: async ({ values, deps }) => (await import("../../lib/inspect/paths.ts")).listPaths(values, deps),
});
