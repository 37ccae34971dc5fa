// agh-inspect sessions: every session that any store knows.
import { choice, operands } from "../../lib/cli/flags.ts";
import { placeFlags, selectorFlags } from "../../lib/cli/selectors.ts";
import { verb } from "../../lib/cli/verb.ts";
import { overSessions } from "./session-selection.ts";

const SORTS = [
  "id",
  "created",
  "updated",
  "last-event",
  "size",
  "-created",
  "-updated",
  "-last-event",
  "-size",
] as const;

export const sessions = verb({
  summary: "every session: catalog row, meta.json and files joined",
  description:
    "`effective` is what a session really is: dead = claims life, has no process; orphaned = a row without a readable directory; unindexed = a directory without a row. `state_from` names the store that `state` came from.",
  flags: {
    ids: operands("ID", "Only these, by id or unique prefix; - reads ids or records from stdin"),
    ...placeFlags,
    ...selectorFlags,
    sort: choice("Order; descending with a leading -", SORTS),
  },
  examples: [
    "agh-inspect sessions --state dead",
    "agh-inspect sessions --older-than 30d --format ids | agh-archive put -",
    "agh-inspect sessions --sort=-size --limit 10",
    "agh-inspect sessions --crashed --json | jq -r .stop_detail",
  ],
  prints: ["session"],
  run: async (call) => {
    const { listSessions } = await import("../../lib/inspect/sessions.ts");
    const { sort, limit } = call.values;
    return overSessions(call, (place, filter) =>
      listSessions(place, { ...filter, ...(sort && { sort }), ...(limit && { limit }) }, call.deps),
    );
  },
});
