// What agh-ledger asks of a runtime: where its ledgers lie, what they are made of, and how they are read back.
import type { Deps } from "../records/deps.ts";
import type { ToolError } from "../records/error.ts";
import type { Block } from "../records/record.ts";
import type { SessionRecord } from "../records/runtime-kinds.ts";
import type { Home, SessionFilter } from "./home.ts";

export type LedgerVerdict = "equal" | "prefix" | "ended_at" | "purged" | "raw_stripped" | "differs";

/** What a ledger is to the history it was made of. */
export interface Comparison {
  readonly verdict: LedgerVerdict;
  /** Lines of the ledger, its head included; where it differs those that were read. */
  readonly lines: number;
  /** Events that the runtime has now. */
  readonly events: number;
  /** Of the first line that differs, from 1. */
  readonly first_difference?: number;
  /** The head's ended_at is another than the session's. */
  readonly ended_at?: true;
  /** Events whose `raw` was taken out of events.db after the ledger was written. */
  readonly raw_stripped?: number;
}

/** Where the ledgers of a home lie. */
export interface LedgerPlace {
  readonly root: string;
  /** The settings cannot be read: the root is the default, and may be wrong. */
  readonly problem?: ToolError | undefined;
}

/** A session and its ledger. */
export interface SessionLedger {
  readonly id: string;
  readonly session: SessionRecord;
  /** Runs, or may run. */
  readonly live: boolean;
  /** Whether a ledger is there. */
  readonly hasLedger: boolean;
  /** Where the ledger lies, or would lie; undefined where no place is known for it. */
  readonly ledger: string | undefined;
  /** Where a new one is put; undefined where the ids are none that may stand in a path. */
  readonly target: string | undefined;
  /** What is missing of that which a ledger is made of, in words that follow "has no". */
  readonly lacks: string | undefined;
  /** Only its ledger is left, if that. */
  readonly historyMissing: boolean;
  /** Reads what the ledger is made of; only where nothing lacks. */
  open(): LedgerReading;
}

/** The history of one session, as it is now. */
export interface LedgerReading extends Disposable {
  /** Lines of a ledger that would be written now. */
  count(): number | Promise<number>;
  /** Those lines, in pieces. */
  content(): Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
  compare(path: string): Comparison | Promise<Comparison>;
  /** False when the history was written to since it was opened. */
  unchanged(): boolean;
}

/** A ledger file of one session. */
export interface LedgerOf {
  readonly path: string;
  readonly home: Home;
  readonly sessionId: string;
}

export interface Ledgers {
  place(home: Home, deps: Deps): Promise<LedgerPlace>;
  /** The selected sessions, one after another; those without a history only where a ledger is left of them. */
  sessions(home: Home, filter: SessionFilter, deps: Deps): AsyncIterable<SessionLedger>;
  /** Its lines as blocks of `event` records. Throws (exit 6) E_NOT_A_LEDGER, E_LEDGER_VERSION, E_LEDGER_OF_ANOTHER. */
  events(of: LedgerOf): Iterable<Block>;
  /** Throws as `events` does, for the first line alone. */
  assertHead(line: Buffer | undefined, path: string, sessionId: string): void;
}
