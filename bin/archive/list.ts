// agh-archive list: what a target holds.
import { verb } from "../../lib/cli/verb.ts";
import { filterIn, meant, meantFlags, receiptSelectors } from "./meant.ts";

const { from, home } = meantFlags;

export const list = verb({
  summary: "the archived sessions, from their receipts alone",
  description:
    "Directories and tars that were moved to session-archive by hand are listed as well; what is in a tar is not known until it is read.",
  flags: { from, home, ...receiptSelectors },
  examples: [
    "agh-archive list",
    "agh-archive list --from s3://archive/agh --format ids",
    "agh-archive list --agent coder --older-than 365d",
  ],
  prints: ["archive"],
  run: async ({ values, deps, input }) => {
    const { listArchives } = await import("../../lib/archive/list.ts");
    return listArchives(await meant({ ...values, ids: [], filter: filterIn(values, deps) }, deps.env, input), deps);
  },
});
