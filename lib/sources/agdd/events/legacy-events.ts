// The lines of a legacy run's logs.jsonl as `event` records, without loss.
import { Block, encode } from "../../../records/record.ts";
import type { EventRange, Home } from "../../source.ts";
import { isLegacy, legacyDir, readLegacy, readLogs, type LogLine } from "../sessions/legacy-runs.ts";

/** As blocks; undefined where there is no such log. */
export function legacyEvents(home: Home, id: string, range: EventRange): Block[] | undefined {
  if (!isLegacy(home.root, id)) return undefined;
  const logs = readLogs(legacyDir(home.root, id));
  if (!logs) return undefined;
  const { agent } = readLegacy(home.root, id);
  const numbered = logs.lines.map((line, at) => ({ line, sequence: at + 1 }));
  const selected = numbered.filter(({ line, sequence }) => isInRange(line, sequence, range));
  const last = range.tail === undefined ? selected : range.tail === 0 ? [] : selected.slice(-range.tail);
  if (last.length === 0) return [];
  const text = last.map(({ line, sequence }) => encode(record(home, { id, agent }, line, sequence))).join("");
  return [new Block(Buffer.from(text), last.length)];
}

const isInRange = ({ event, span }: LogLine, sequence: number, { types, turns, afterSequence }: EventRange): boolean =>
  sequence > (afterSequence ?? 0) &&
  (!types?.length || types.includes(event ?? "")) &&
  (!turns?.length || turns.includes(span ?? ""));

function record({ runtime, place }: Home, run: { id: string; agent: string | null }, line: LogLine, sequence: number) {
  return {
    kind: "event",
    runtime,
    home: place,
    id: `${run.id}/${sequence}`,
    session_id: run.id,
    sequence,
    turn_id: null,
    type: line.event,
    agent_name: run.agent,
    content: line.data,
    timestamp: line.at,
    ...(line.span !== null && { span_id: line.span }),
    ...(line.parentSpan !== null && { parent_span_id: line.parentSpan }),
  };
}
