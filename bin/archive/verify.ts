// agh-archive verify: looks for damage in archives.
import { verb } from "../../lib/cli/verb.ts";
import { allFlag, filterIn, meant, meantFlags, receiptSelectors } from "./meant.ts";

export const verify = verb({
  summary: "read archives whole and compare them with their receipts",
  description:
    "Every byte is hashed and every event counted again. What is sound is printed as it is listed; each fault is a finding, and exit 1. Sessions moved by hand have no receipt to compare with.",
  flags: { ...meantFlags, ...allFlag, ...receiptSelectors },
  examples: [
    "agh-archive verify --all",
    "agh-archive verify --all --from s3://archive/agh -q",
    "agh-archive list | agh-archive verify -",
  ],
  prints: ["archive", "finding", "summary"],
  run: async ({ values, deps, input }) => {
    const { verifyArchives } = await import("../../lib/archive/verify.ts");
    return verifyArchives(await meant({ ...values, filter: filterIn(values, deps) }, deps.env, input), deps);
  },
});
