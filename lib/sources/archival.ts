// What agh-archive asks of a runtime whose sessions are rows of one database.
import type { EventFacts } from "../formats/archive/receipt.ts";
import type { RowsFile } from "../formats/archive/rows.ts";
import type { Deps } from "../records/deps.ts";
import type { SessionRecord } from "../records/runtime-kinds.ts";
import { refusal } from "../records/error.ts";
import type { OwnTree } from "./custody.ts";
import type { RowAccess } from "./row-custody.ts";
import type { Home } from "./home.ts";

/** All rows of one session, from one moment. */
export interface ArchivedRows {
  /** JSON Lines as of lib/formats/archive/rows.ts. */
  readonly lines: string;
  /** Tells one shape of the database from another. */
  readonly schema: { readonly version: string | null; readonly sha256: string };
}

export interface Archival {
  /** Where its database lies below a root, when archives are laid out to be read. */
  readonly database: string;
  /** Why a session must not be archived now; undefined when it may. */
  reasonAgainst(session: SessionRecord): string | undefined;
  trees(home: Home, id: string): readonly OwnTree[];
  readRows(home: Home, id: string, deps: Deps): ArchivedRows;
  /** What a receipt says of the events among its rows. */
  facts(rows: RowsFile): EventFacts | null;
  /** The rows as of a session that nobody holds: a lock is never brought back. */
  withoutLocks?(rows: RowsFile): RowsFile;
  /** What of rows must be equal for two sessions to be the same: a row's number may have been given to another since. */
  comparableRows?(rows: RowsFile): RowsFile;
  /** Puts the rows of sessions back that are not there, in one transaction. Throws (4) what does not fit. */
  put(home: Home, sessions: ReadonlyMap<string, RowsFile>, deps: Deps): void;
}

/** Throws E_HOSTILE_ARCHIVE (4) where a row is of another session. */
export function assertOwnRows(sessions: ReadonlyMap<string, RowsFile>, { ownerOf }: Pick<RowAccess, "ownerOf">): void {
  for (const [id, { rows }] of sessions) {
    if (rows.some((row) => ownerOf(row) !== id))
      throw refusal("E_HOSTILE_ARCHIVE", `the archive of ${id} holds a row of another session`);
  }
}
