// One `event` line for a row that SQLite's JSON cannot be trusted with: large, invalid JSON, bytes, invalid UTF-8.
import { isUtf8 } from "node:buffer";
import { asBuffer, Block } from "../../../records/record.ts";

type Column = "id" | "turn_id" | "type" | "agent_name" | "timestamp" | "content";

/** Every column as its bytes, and what SQLite says its type is. */
export type UnusualRow = { readonly [name in Column]: Uint8Array | null } & {
  readonly [name in `${Column}_type`]: string;
} & {
  /** A number as text, exact. */
  readonly sequence: string;
  readonly content_valid: number | null;
};

/** Where a record says that its event is from. */
export interface EventOrigin {
  readonly home: string;
  readonly sessionId: string;
}

export function encodeUnusualEvent(row: UnusualRow, { home, sessionId }: EventOrigin): Block {
  const head = JSON.stringify({ kind: "event", runtime: "agh", home }).slice(0, -1);
  const before = [
    `${head},"id":${textOf(row, "id")}`,
    `"session_id":${JSON.stringify(sessionId)}`,
    `"sequence":${sequenceText(row.sequence)}`,
    ...(["turn_id", "type", "agent_name"] as const).map((name) => `"${name}":${textOf(row, name)}`),
    `"content":`,
  ].join(",");
  const after = `,"timestamp":${textOf(row, "timestamp")}}\n`;
  return new Block(Buffer.concat([Buffer.from(before), contentOf(row), Buffer.from(after)]), 1);
}

/** Typed integers beyond 2^53 are strings. */
const sequenceText = (text: string): string => (Number.isSafeInteger(Number(text)) ? text : JSON.stringify(text));

function textOf(row: UnusualRow, name: Column): string {
  const bytes = row[name];
  if (bytes === null) return "null";
  if (row[`${name}_type`] === "blob") return base64(bytes);
  return JSON.stringify(asBuffer(bytes).toString());
}

/** JSON as it is, made one line; other text as a JSON string. Bytes that are no UTF-8 become U+FFFD. */
function contentOf(row: UnusualRow): Buffer {
  const { content, content_type: type } = row;
  if (content === null) return Buffer.from("null");
  if (type === "blob") return Buffer.from(base64(content));
  const bytes = asBuffer(content);
  if (row.content_valid === 1 && isUtf8(bytes) && !bytes.includes(0)) return oneLine(bytes);
  const text = bytes.toString();
  return isJson(text) ? oneLine(Buffer.from(text)) : Buffer.from(JSON.stringify(text));
}

/** Within JSON a line break can only be white space between tokens. */
function oneLine(bytes: Buffer): Buffer {
  if (!bytes.includes(10) && !bytes.includes(13)) return bytes;
  return Buffer.from(bytes.map((byte) => (byte === 10 || byte === 13 ? 32 : byte)));
}

/** SQLite's own check refuses what is nested deeper than 1000. */
function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

const base64 = (bytes: Uint8Array): string => `{"$base64":"${asBuffer(bytes).toString("base64")}"}`;
