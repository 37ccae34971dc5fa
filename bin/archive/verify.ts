// agh-archive verify: looks for damage in archives.
import { verb } from "../../lib/cli/verb.ts";
import {
  allFlag,
  parseReceiptFilter,
  readArchiveSelections,
  archiveFlags,
  receiptSelectors,
} from "./archive-selection.ts";

export const verify = verb({
  summary: "read archives whole and compare them with their receipts",
  description:
    "Every byte is hashed and every event counted again. Sound archives are printed as list prints them; each fault is a finding, and the exit code is 1. With --all a target without archives is a fault as well. Sessions moved by hand have no receipt to compare with.",
  flags: { ...archiveFlags, ...allFlag, ...receiptSelectors },
  examples: [
    "agh-archive verify --all",
    "agh-archive verify --all --from s3://archive/agh -q",
    "agh-archive list | agh-archive verify -",
  ],
  prints: ["archive", "finding", "summary"],
  run: async ({ values, deps, input }) => {
    const { verifyArchives } = await import("../../lib/archive/verify.ts");
    return verifyArchives(
      await readArchiveSelections({ ...values, filter: parseReceiptFilter(values, deps) }, deps, input),
      deps,
    );
  },
});
