// agh-inspect usage: tokens and money.
import { option, repeated, toggle } from "../../lib/cli/flags.ts";
import { verb } from "../../lib/cli/verb.ts";
import { parseTimeZone } from "../../lib/policy/day.ts";
import { parseUsageKey } from "../../lib/policy/usage-key.ts";
import { overSessions, detailFlags } from "./session-selection.ts";

export const usage = verb({
  summary: "tokens and money, grouped",
  description:
    "Agents report cumulative cost since the beginning of the session; it is counted once, and a day or a turn gets the part that it added. Amounts of two currencies are never added; unreported values are null.",
  flags: {
    ...detailFlags,
    by: repeated("Group by day, agent, model, provider, session, turn, workspace; default session", {
      hint: "KEY",
      convert: parseUsageKey,
    }),
    tz: option("Time zone of the days; default UTC", { hint: "ZONE", convert: parseTimeZone }),
    rollup: toggle("Totals at the end, one line per currency"),
  },
  examples: ["agh-inspect usage --by day,agent --tz Europe/Berlin", "agh-inspect usage --by model --rollup"],
  prints: ["usage"],
  run: async (call) => {
    const { usage: list } = await import("../../lib/inspect/usage/usage.ts");
    const { by, tz: zone = "UTC", rollup, limit } = call.values;
    return overSessions(call, (place, sessions) => list(place, { sessions, by, zone, rollup, limit }, call.deps));
  },
});
