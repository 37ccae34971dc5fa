// agh-inspect without a verb: the state of the home.
import { placeFlags } from "../../lib/cli/selectors.ts";
import { verb } from "../../lib/cli/verb.ts";

export const overview = verb({
  summary:
    "the state of the home: daemon, sessions by state, crashes of the last day, ledgers missing, sizes, last backup",
  flags: placeFlags,
  examples: ["agh-inspect", "agh-inspect --json | jq .by_state", "AGH_BACKUP_REPO=/backup agh-inspect overview"],
  prints: ["home"],
  run: async ({ values, deps }) => (await import("../../lib/inspect/overview.ts")).overview(values, deps),
});
