// agh-archive show: an archive and every path in it.
import { verb } from "../../lib/cli/verb.ts";
import { meant, meantFlags } from "./meant.ts";

export const show = verb({
  summary: "an archive and every path in it, from its receipt",
  flags: meantFlags,
  examples: ["agh-archive show 3c09b147", "agh-archive show 3c09b147 | jq -r '.entries[] | [.path, .size] | @tsv'"],
  prints: ["archive"],
  run: async ({ values, deps, input }) => {
    const { showArchives } = await import("../../lib/archive/list.ts");
    return showArchives(await meant({ ...values, all: false }, deps.env, input), deps);
  },
});
