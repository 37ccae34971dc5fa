// An event as the line of its record: agsh's own JSON as it lies.
import type { Home } from "../../source.ts";
import { jsonValue, type AgshEvent } from "./messages.ts";
import { utc } from "../time.ts";

/** The time stamp comes last, as in every runtime's events: merging reads it from the end of the line. */
export function eventLine(
  { runtime, place }: Pick<Home, "runtime" | "place">,
  session_id: string,
  event: AgshEvent,
): string {
  const { id, sequence, turn, type, json } = event;
  const head = { kind: "event", runtime, home: place, id, session_id, sequence, turn_id: turn, type, agent_name: null };
  return `${JSON.stringify(head).slice(0, -1)},"content":${json},"timestamp":${JSON.stringify(timeOf(event))}}\n`;
}

export const timeOf = ({ timestamp }: Pick<AgshEvent, "timestamp">): unknown =>
  typeof timestamp === "string" ? utc(timestamp) : jsonValue(timestamp);
