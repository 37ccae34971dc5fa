// agh-inspect events: the timeline of sessions, as it was written or while it is written.
import { operands, option, repeated, toggle } from "../../lib/cli/flags.ts";
import { placeFlags, selectorFlags } from "../../lib/cli/selectors.ts";
import { verb } from "../../lib/cli/verb.ts";
import { parseDuration, parseWholeNumber } from "../../lib/policy/parse-quantities.ts";
import { usageError } from "../../lib/records/error.ts";
import { overSessions } from "./session-selection.ts";

const { limit: _, ...selectors } = selectorFlags;

export const events = verb({
  summary: "the events of sessions, in order",
  description:
    "Without --all the sessions follow one another; with it their events are merged by time. Rows that are only in the WAL are included.",
  flags: {
    ids: operands("ID", "Sessions, by id or unique prefix; - reads ids or records from stdin"),
    ...placeFlags,
    ...selectors,
    all: toggle("Every session that the selectors leave, merged by time"),
    type: repeated("Only events of this type", { hint: "TYPE" }),
    turn: repeated("Only events of this turn", { hint: "TURN" }),
    afterSeq: option("Only events after this sequence", { hint: "N", convert: parseWholeNumber(0) }),
    tail: option("Only the last N of each session", { hint: "N", convert: parseWholeNumber(1) }),
    follow: toggle("Continue with events that are written from now on", false, "f"),
    idleExit: option("With --follow: exit after this long without a new event", {
      hint: "60s",
      convert: parseDuration,
    }),
  },
  examples: [
    "agh-inspect events 3c09 --type tool_call,tool_result",
    "agh-inspect events 3c09 --tail 5 --follow",
    "agh-inspect events --all --since 1d --json | jq -r .type | sort | uniq -c",
  ],
  prints: ["event"],
  run: async (call) => {
    const { values, deps } = call;
    const isNamed = values.ids.length > 0 || values.session.length > 0;
    if (!values.all && !isNamed) throw usageError("name sessions or --all", "agh-inspect sessions lists them");
    if (values.all && values.ids.length > 0) throw usageError("--all and named sessions exclude each other");
    if (values.idleExit !== undefined && !values.follow) throw usageError("--idle-exit requires --follow");
    const { listEvents } = await import("../../lib/inspect/events.ts");
    const range = {
      types: values.type,
      turns: values.turn,
      ...(values.afterSeq !== undefined && { afterSequence: values.afterSeq }),
      ...(values.tail !== undefined && { tail: values.tail }),
    };
    const follow = values.follow ? { follow: { idleExit: values.idleExit } } : {};
    return overSessions({ ...call, values: { ...values, limit: undefined } }, (place, sessions) =>
      listEvents(place, { sessions, range, merge: values.all, ...follow }, deps),
    );
  },
});
