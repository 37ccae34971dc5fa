// Events as columns, a page at a time: what a columnar file is made of.
import type { SessionRecord } from "../records/runtime-kinds.ts";

/** UTF-8, one after the other; `starts` has one more than there are rows: the end. A length of null = not there. */
export interface EventSlices {
  readonly bytes: Uint8Array;
  readonly starts: readonly number[];
  readonly lengths: readonly (number | null)[];
}

export const TOKEN_COLUMNS = [
  "input_tokens",
  "output_tokens",
  "total_tokens",
  "thought_tokens",
  "cache_read_tokens",
  "cache_write_tokens",
] as const;

/** Rows as columns, all of one length. Null = not there. */
export interface EventColumns {
  readonly sequence: readonly (bigint | number)[];
  readonly event_id: EventSlices;
  readonly turn_id: readonly (string | null)[];
  readonly type: readonly (string | null)[];
  readonly agent: readonly (string | null)[];
  /** Nanoseconds since 1970. */
  readonly ts: readonly (bigint | null)[];
  /** UTC day of `ts`. */
  readonly day: readonly (string | null)[];
  readonly tool_name: readonly (string | null)[];
  readonly tool_call_id: readonly (string | null)[];
  /** In the order of `TOKEN_COLUMNS`. */
  readonly tokens: readonly (readonly (bigint | null)[])[];
  readonly cost: readonly (number | null)[];
  readonly currency: readonly (string | null)[];
  /** The runtime's own JSON, UTF-8. */
  readonly content: EventSlices;
  /** A JSON object of the values that fit no column, by their names; null where all did. */
  readonly raw: readonly (string | null)[];
}

/** Reads the events of many sessions of a home as columns. */
export interface EventColumnsReader {
  /**
   * Pages after a sequence, in order; one may be forgotten when the next is asked for. At the end throws E_BUSY (5) when the session was
   * written to meanwhile.
   */
  pages(session: SessionRecord, after: bigint): Iterable<EventColumns>;
}
