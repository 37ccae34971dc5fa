// agh-inspect usage: tokens and money.
import { option, repeated, toggle } from "../../lib/cli/flags.ts";
import { verb } from "../../lib/cli/verb.ts";
import { timeZone } from "../../lib/policy/day.ts";
import { usageKey } from "../../lib/policy/usage-key.ts";
import { overSelected, selectedFlags } from "./selected.ts";

export const usage = verb({
  summary: "tokens and money, grouped",
  description:
    "An agent reports its cost from the beginning of its session on; it is counted once, and a day or a turn gets what it added. Amounts of two currencies are never added; what nobody reported is null.",
  flags: {
    ...selectedFlags,
    by: repeated("Group by day, agent, model, provider, session, turn, workspace; default session", {
      hint: "KEY",
      convert: usageKey,
    }),
    tz: option("Time zone of the days; default UTC", { hint: "ZONE", convert: timeZone }),
    rollup: toggle("Totals at the end, one line a currency"),
  },
  examples: ["agh-inspect usage --by day,agent --tz Europe/Berlin", "agh-inspect usage --by model --rollup"],
  prints: ["usage"],
  run: async (call) => {
    const { usage: list } = await import("../../lib/inspect/usage.ts");
    const { by, tz: zone = "UTC", rollup, limit } = call.values;
    return overSelected(call, (place, sessions) => list(place, { sessions, by, zone, rollup, limit }, call.deps));
  },
});
