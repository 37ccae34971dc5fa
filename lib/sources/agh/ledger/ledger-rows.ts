// The lines of a ledger as `event` records: the same as those from events.db, which may be gone.
import { isUtf8 } from "node:buffer";
import { Block } from "../../../records/record.ts";
import { placeError } from "../../../records/error.ts";
import { splitLines, openLedger, readChunks } from "../../ledger-file.ts";
import { isJson } from "./go-json.ts";
import { nineDigits } from "./ledger-time.ts";
import { findOffsetAfter } from "./find-offset.ts";

const TEXT = String.raw`"(?:[^"\\]|\\.)*"`;
const HEAD = new RegExp(
  String.raw`^\{"type":"session_event","version":1,"session_id":${TEXT},"sequence":(-?\d+),"event_id":(${TEXT})` +
    String.raw`(?:,"turn_id":(${TEXT}))?,"event_type":(${TEXT})(?:,"agent_name":(${TEXT}))?(?:,"content":)?`,
);
const TAIL = /(?:,"timestamp":"([^"\\]*)")?\}\n?$/;
/** Enough for what stands before an event's content. */
const HEAD_BYTES = 8192;
const TAIL_BYTES = 64;
const BLOCK_BYTES = 1 << 18;

/**
 * The first line, as AGH writes it. Throws (exit 6) E_NOT_A_LEDGER, E_LEDGER_VERSION, E_LEDGER_OF_ANOTHER: a byte order
 * mark, CRLF and an empty file are none of AGH's.
 */
export function assertHead(line: Buffer | undefined, path: string, sessionId: string): void {
  const head = parsed(line?.toString() ?? "");
  if (head?.["type"] !== "ledger_meta") throw notALedger(path, "its first line is not a ledger_meta record");
  if (head["version"] !== 1) {
    const message = `${path} has version ${JSON.stringify(head["version"])}; this version knows 1`;
    throw placeError("E_LEDGER_VERSION", message, "install a newer agh-toolkit");
  }
  if (line!.at(-2) === 0x0d) throw notALedger(path, "its lines end in CRLF: something has converted it");
  if (head["session_id"] !== sessionId) {
    const message = `${path} is the ledger of ${JSON.stringify(head["session_id"])}, not of ${sessionId}`;
    throw placeError("E_LEDGER_OF_ANOTHER", message, "it was copied or moved here");
  }
}

const notALedger = (path: string, why: string): Error =>
  placeError("E_NOT_A_LEDGER", `${path} is not a ledger as AGH writes it: ${why}`, `head -c 300 ${path}`);

function parsed(line: string): { readonly [key: string]: unknown } | undefined {
  try {
    const value = JSON.parse(line) as unknown;
    return typeof value === "object" && value !== null ? (value as { readonly [key: string]: unknown }) : undefined;
  } catch {
    return undefined;
  }
}

interface Origin {
  readonly path: string;
  readonly home: string;
  readonly sessionId: string;
}

/** One `session_event` line; the names are JSON texts, and the content is valid until the next line is read. */
export interface LedgerRow {
  readonly sequence: string;
  readonly id: string;
  readonly turn: string;
  readonly type: string;
  readonly agent: string;
  /** Empty where the event has none. */
  readonly content: Buffer;
  /** As events.db has it; empty for Go's zero time. */
  readonly timestamp: string;
}

/**
 * Lines of a ledger in its order; with `after` some of those up to that sequence are passed over unread. Throws
 * E_NOT_A_LEDGER, naming the line that is not AGH's.
 */
export function* ledgerRows(
  { path, sessionId }: Pick<Origin, "path" | "sessionId">,
  after?: bigint,
): Generator<LedgerRow> {
  using file = openLedger(path);
  let lines = splitLines(readChunks(file));
  const first = lines.next();
  assertHead(first.done ? undefined : first.value, path, sessionId);
  const from = after === undefined ? 0 : findOffsetAfter(file, after);
  if (from > 0) {
    file.seek(from);
    lines = splitLines(readChunks(file));
  }
  let number = 1;
  for (const line of lines) {
    number++;
    const row = rowIn(line);
    if (!row) throw notALedger(path, `line ${number}${from > 0 ? ` from byte ${from}` : ""} is not a session_event`);
    yield row;
  }
}

function rowIn(line: Buffer): LedgerRow | undefined {
  const head = HEAD.exec(line.toString("latin1", 0, HEAD_BYTES));
  const tail = TAIL.exec(line.toString("latin1", Math.max(0, line.length - TAIL_BYTES)));
  if (!head || !tail) return undefined;
  const content = line.subarray(head[0].length, line.length - tail[0].length);
  // A cut or edited line would break the stream of records for whoever reads it.
  if (content.length > 0 && !isJson(content)) return undefined;
  const [sequence, id, turn = '""', type, agent = '""'] = head.slice(1).map(utf8);
  const timestamp = tail[1] === undefined ? "" : nineDigits(tail[1]);
  return { sequence: sequence!, id: id!, turn, type: type!, agent, content, timestamp };
}

/** Blocks of `event` lines in the ledger's order, of the selected rows. */
export function* ledgerEvents(
  { path, home, sessionId }: Origin,
  isSelected: (row: LedgerRow) => boolean = () => true,
  after?: bigint,
): Generator<Block, void, undefined> {
  const before = `{"kind":"event","runtime":"agh","home":${JSON.stringify(home)},"id":`;
  const session = JSON.stringify(sessionId);
  let [pending, bytes]: [Buffer[], number] = [[], 0];
  for (const row of ledgerRows({ path, sessionId }, after)) {
    if (!isSelected(row)) continue;
    const record = eventRecord(row, before, session);
    pending.push(record);
    bytes += record.length;
    if (bytes < BLOCK_BYTES) continue;
    yield new Block(Buffer.concat(pending), pending.length);
    [pending, bytes] = [[], 0];
  }
  if (pending.length > 0) yield new Block(Buffer.concat(pending), pending.length);
}

/** The content goes over as it stands, as bytes: it may be larger than any string. What is no UTF-8 becomes U+FFFD. */
function eventRecord(row: LedgerRow, before: string, session: string): Buffer {
  const { sequence, id, turn, type, agent, content, timestamp } = row;
  const exact = Number.isSafeInteger(Number(sequence)) ? sequence : `"${sequence}"`;
  return Buffer.concat([
    Buffer.from(
      `${before}${id},"session_id":${session},"sequence":${exact},"turn_id":${turn},"type":${type},"agent_name":${agent},"content":`,
    ),
    content.length === 0 ? Buffer.from('""') : isUtf8(content) ? content : Buffer.from(content.toString()),
    Buffer.from(`,"timestamp":${JSON.stringify(timestamp)}}\n`),
  ]);
}

const utf8 = (latin1: string | undefined): string | undefined =>
  latin1 === undefined ? undefined : Buffer.from(latin1, "latin1").toString();
