// agh-inspect homes: every home that can be found.
import { placeFlags } from "../../lib/cli/selectors.ts";
import { verb } from "../../lib/cli/verb.ts";

export const homes = verb({
  summary: "every home that exists: at --home, else in the environment and the default places of each runtime",
  description:
    "AGH: AGH_HOME, ~/.agh. agsh and meka: AGSH_DATA_DIR, else the platform's data directory ($XDG_DATA_HOME or ~/.local/share, ~/Library/Application Support, %APPDATA%). AGDD: the working directory, when it is a project.",
  flags: placeFlags,
  examples: ["agh-inspect homes", "agh-inspect homes --json | agh-backup create -"],
  prints: ["home"],
  run: async ({ values, deps }) => (await import("../../lib/inspect/overview.ts")).listHomes(values, deps),
});
