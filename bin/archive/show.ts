// agh-archive show: an archive and every path in it.
import { verb } from "../../lib/cli/verb.ts";
import { readArchiveSelections, archiveFlags } from "./archive-selection.ts";

export const show = verb({
  summary: "an archive and every path in it, from its receipt",
  flags: archiveFlags,
  examples: ["agh-archive show 3c09b147", "agh-archive show 3c09b147 | jq -r '.entries[] | [.path, .size] | @tsv'"],
  prints: ["archive"],
  run: async ({ values, deps, input }) => {
    const { showArchiveRecords: showArchives } = await import("../../lib/archive/list-archive-records.ts");
    return showArchives(await readArchiveSelections({ ...values, all: false }, deps, input), deps);
  },
});
