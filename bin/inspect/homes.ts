// agh-inspect homes: every home that can be found.
import { placeFlags } from "../../lib/cli/selectors.ts";
import { verb } from "../../lib/cli/verb.ts";

export const homes = verb({
  summary: "every home that is found: --home, else AGH_HOME and the default places",
  flags: placeFlags,
  examples: ["agh-inspect homes", "agh-inspect homes --json | agh-backup create -"],
  prints: ["home"],
  run: async ({ values, deps }) => (await import("../../lib/inspect/overview.ts")).listHomes(values, deps),
});
