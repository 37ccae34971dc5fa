// agh-archive list: what a target holds.
import { verb } from "../../lib/cli/verb.ts";
import { parseReceiptFilter, readArchiveSelections, archiveFlags, receiptSelectors } from "./archive-selection.ts";

const { from, home } = archiveFlags;

export const list = verb({
  summary: "the archived sessions, from their receipts alone",
  description:
    "Directories and tars that were moved to session-archive by hand are listed as well; the content of a tar is not known until it is read.",
  flags: { from, home, ...receiptSelectors },
  examples: [
    "agh-archive list",
    "agh-archive list --from s3://archive/agh --format ids",
    "agh-archive list --agent coder --older-than 365d",
  ],
  prints: ["archive"],
  run: async ({ values, deps, input }) => {
    const { listArchiveRecords: listArchives } = await import("../../lib/archive/list-archive-records.ts");
    return listArchives(
      await readArchiveSelections({ ...values, ids: [], filter: parseReceiptFilter(values, deps) }, deps, input),
      deps,
    );
  },
});
