// Messages taken apart: one event for a person's words, one for each block of the agent's messages and its tools' results.
import type { DatabaseSync, SQLOutputValue } from "node:sqlite";
import { elementTexts, exactJson, oneLine } from "../../exact-json.ts";

/** A row of `messages`, columns as SQLite gives them. */
export interface Message {
  readonly id: number | bigint;
  readonly role: SQLOutputValue;
  readonly content: SQLOutputValue;
  readonly created_at: SQLOutputValue;
}

/** One event: a whole message, or one of its blocks. */
export interface MessagePart {
  /** The message's id; of a block with its place, from 1. */
  readonly id: string;
  readonly type: string;
  /** Its content as JSON: agsh's own text where that is JSON, else a string. */
  readonly json: string;
}

/** What agsh calls its blocks, where an event is called otherwise. */
const TYPES: { readonly [type: string]: string | undefined } = { text: "assistant" };

/** Roles whose content is an array of blocks; agsh takes what is none for plain text. */
const BLOCKS: ReadonlySet<unknown> = new Set(["assistant", "tool_results"]);

/** The events of one message, at least one. */
export function partsOf({ id, role, content }: Message): MessagePart[] {
  const whole = (json: string): MessagePart[] => [{ id: String(id), type: typeOf(role), json }];
  if (typeof content !== "string") return whole(JSON.stringify(jsonValue(content)));
  if (role === "user") return whole(JSON.stringify(content));
  if (!BLOCKS.has(role)) return whole(parsed(content) === undefined ? JSON.stringify(content) : oneLine(content));
  const types = blockTypes(content);
  if (!types) return whole(JSON.stringify(content));
  if (types.length === 0) return whole(oneLine(content));
  return elementTexts(content).map((text, at) => ({
    id: `${id}.${at + 1}`,
    type: TYPES[types[at]!] ?? types[at]!,
    json: oneLine(text),
  }));
}

const typeOf = (role: SQLOutputValue): string => (typeof role === "string" ? role : String(jsonValue(role)));

/** The types of an array of blocks; undefined for anything else. */
function blockTypes(content: string): string[] | undefined {
  const blocks = parsed(content);
  if (!Array.isArray(blocks)) return undefined;
  const types = blocks.map((block) => (block as { type?: unknown } | null)?.type);
  return types.every((type) => typeof type === "string") ? types : undefined;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A column of any type SQLite may hold. */
export function jsonValue(value: SQLOutputValue): unknown {
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  if (value instanceof Uint8Array) return { $base64: Buffer.from(value).toString("base64") };
  return typeof value === "number" && !Number.isFinite(value) ? String(value) : value;
}

/** An event in its place in the session: `turn` is the id of the message that began it, "0" before the first. */
export interface AgshEvent extends MessagePart {
  readonly sequence: number;
  readonly turn: string;
  readonly timestamp: SQLOutputValue;
  /** Of the message. */
  readonly message: number | bigint;
}

const SQL = "SELECT id, role, content, created_at FROM messages WHERE session_id = ? AND id > ? ORDER BY id";

/** Where reading goes on when the file changed meanwhile. */
export class MessageTimeline {
  readonly #session: string;
  #sequence = 0;
  #turn = "0";
  #after: number | bigint = -(2n ** 63n);

  constructor(session: string) {
    this.#session = session;
  }

  /** The events that come after those given so far, message by message; it stands behind what was given last. */
  *more(db: DatabaseSync): Generator<readonly AgshEvent[]> {
    const statement = db.prepare(SQL);
    statement.setReadBigInts(true);
    for (const row of statement.iterate(this.#session, this.#after)) {
      const message = row as unknown as Message;
      const turn = message.role === "user" ? String(message.id) : this.#turn;
      const first = this.#sequence + 1;
      const { id, created_at: timestamp } = message;
      const pieces = partsOf(message).map((piece, at) => ({
        ...piece,
        sequence: first + at,
        turn,
        timestamp,
        message: id,
      }));
      this.#sequence += pieces.length;
      this.#turn = turn;
      this.#after = id;
      yield pieces;
    }
  }

  /** Where it stands, to be given back when what was read since cannot be used. */
  mark(): () => void {
    const [sequence, turn, after] = [this.#sequence, this.#turn, this.#after];
    return () => {
      this.#sequence = sequence;
      this.#turn = turn;
      this.#after = after;
    };
  }
}

/** The block of a piece, its numbers as they were written; undefined for what is no object. */
export function blockOf({ json }: MessagePart): { readonly [key: string]: unknown } | undefined {
  const block = exactJson(json);
  return typeof block === "object" && block !== null && !Array.isArray(block)
    ? (block as { readonly [key: string]: unknown })
    : undefined;
}
