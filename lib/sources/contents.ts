// What a backup counts in a database of a runtime, so that a later one sees what was lost without opening either.

export interface CountedTables {
  /** Without them it is none of the runtime's databases; the rows of each are counted. */
  readonly tables: readonly string[];
  /** The runtime never drops a table: one that was there stays. */
  readonly keepsTables?: true;
  /** A table whose first row says which database it is; a new file has another one. */
  readonly born?: { readonly table: string; readonly column: string };
  /** A table whose first row stays, as long as it has rows. */
  readonly first?: { readonly table: string; readonly column: string };
  /** Sessions that are rows of it. */
  readonly sessions?: CountedSessions;
}

export interface CountedSessions {
  readonly table: string;
  readonly id: string;
  /** The time that the runtime's retention goes by. */
  readonly at?: string;
  /** The column that names the session which one goes with. */
  readonly parent?: string;
  /** The table of their events, and the column that names their session. */
  readonly events?: { readonly table: string; readonly session: string };
}

/** What a path of a home is to a session. */
export interface SessionPart {
  readonly session: string;
  /** `tombstone`: what tells that sessions were retired; its name stands for the session. */
  readonly is: "directory" | "ledger" | "tombstone";
}
