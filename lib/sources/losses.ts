// Why something that an earlier snapshot of a home holds may be missing today without being lost.

/** What an earlier snapshot knows of a session. */
export interface KnownSession {
  readonly id: string;
  /** What of it is missing, where it has both a directory and rows. */
  readonly part?: "directory" | "rows" | undefined;
  /** Rows of its events. */
  readonly events?: number | undefined;
  /** `sequence` of its last event. */
  readonly last?: number | null | undefined;
  /** When its database was made. */
  readonly born?: string | undefined;
  /** The time that the runtime's retention goes by. */
  readonly at?: string | undefined;
  /** The session that it goes with when that one goes. */
  readonly parent?: string | undefined;
}

/** Of one home as it is now, or as it was restored. Each answer is a reason in words, undefined where nothing explains the loss. */
export interface LossExplainer {
  /** A session that is not there any more, neither its directory nor its rows, or only its rows. */
  session(id: string, was?: KnownSession): string | undefined | Promise<string | undefined>;
  /** A session that has fewer events than it had: rows that left it, or a last sequence that went back. */
  events(id: string, was?: KnownSession): string | undefined | Promise<string | undefined>;
  /** A ledger that is not there any more. */
  ledger(id: string): string | undefined | Promise<string | undefined>;
  /**
   * Which of all the sessions that are missing without a word about it have left as they do when the runtime itself deletes them. `left`: how
   * many of those that were there are there still. Never all: an emptied home is a loss.
   */
  deleted?(missing: readonly KnownSession[], left: number): ReadonlyMap<string, string>;
  /** A root outside the home that is not there any more. */
  root?(name: string): string | undefined;
  /** What says that a session has had events, whose database is empty or missing; undefined where nothing does. */
  evidence?(id: string): string | undefined;
}

/** What somebody deletes by hand in a day, as against what a disk loses: fewer than half, and never the last. */
export const isMinority = (missing: number, left: number): boolean =>
  left > 0 && (missing <= 1 || missing < (missing + left) / 2);
