// One event as a line of the ledger, whatever its columns hold.
import { placeError, type ToolError } from "../../../records/error.ts";
import { rowTime } from "./ledger-time.ts";
import { contentJson, goString, trimSpace } from "./go-text.ts";

/** The columns of one row as bytes: they may be no UTF-8. */
export interface LedgerEventRow {
  readonly sequence: bigint;
  readonly id: Buffer;
  readonly turn: Buffer;
  readonly type: Buffer;
  readonly agent: Buffer;
  readonly content: Buffer;
  readonly timestamp: Buffer;
}

/** Smaller lines are put together: one write for each instead of three. */
const SMALL = 1 << 16;

/** The line with its newline, in pieces where it is large. Throws E_BAD_EVENT for a time that AGH could not read. */
export function eventLine(row: LedgerEventRow, sessionId: string): readonly Buffer[] {
  const time = rowTime(trimSpace(row.timestamp).toString("latin1"));
  if (time === undefined) throw badEvent(`event ${row.sequence} has no time that AGH could read`);
  const content = contentJson(row.content);
  const before =
    `{"type":"session_event","version":1,"session_id":${goString(sessionId)},"sequence":${row.sequence},` +
    `"event_id":${goString(trimSpace(row.id))}${optional("turn_id", row.turn)},` +
    `"event_type":${goString(trimSpace(row.type))}${optional("agent_name", row.agent)}${content ? ',"content":' : ""}`;
  const after = `${time === "" ? "" : `,"timestamp":"${time}"`}}\n`;
  const parts = [Buffer.from(before), content ?? Buffer.alloc(0), Buffer.from(after)];
  return (content?.length ?? 0) > SMALL ? parts : [Buffer.concat(parts)];
}

function optional(key: string, column: Buffer): string {
  const text = trimSpace(column);
  return text.length === 0 ? "" : `,"${key}":${goString(text)}`;
}

/** Exit 6: AGH's own read of the row would fail, and with it the whole ledger. */
export const badEvent = (message: string): ToolError =>
  placeError("E_BAD_EVENT", message, "AGH could not write this ledger either: agh-reconcile check shows the fault");
