// What a journal must know of the home that it changes: its roots, its owner, and who changes its rows.
import type { Owner } from "../files/as-owner.ts";
import type { Log } from "../records/deps.ts";
import type { RowChange } from "./steps.ts";

export interface JournalHome {
  readonly runtime: string;
  readonly place: string;
  /** The home's id in records. */
  readonly id: string;
  /** The id that its place gives it: journals that name no identity were written for that one. */
  readonly placeId: string;
  /** Its real path. */
  readonly root: string;
  /** Roots outside the home, by name. */
  readonly roots: ReadonlyMap<string, string>;
  /** Set where we are root and the home is another user's. */
  readonly owner: Owner | undefined;
  /** The runtime's own; undefined where no rows are changed. */
  readonly rows: RowExecutor | undefined;
  /** Why a session must not be removed now: asked again before a killed removal goes on. */
  reasonAgainst(sessionId: string): string | undefined;
  readonly log: Log;
  readonly env: { readonly [name: string]: string | undefined };
}

/** Changes rows, each call in one transaction. */
export interface RowExecutor {
  /** `files` are absolute. Rows that are there stay as they are. */
  insert(files: readonly string[], ownHome: boolean): Inserted;
  /**
   * Removes the rows of the sessions whose fingerprint is still the one given. `keep`, where given, gets their lines before the transaction
   * ends, and makes them durable.
   */
  remove?(
    sessions: readonly { readonly id: string; readonly fingerprint: string }[],
    keep: ((ids: readonly string[], lines: Iterable<string>) => void) | undefined,
  ): RemovedRows;
  /** Puts rows back as they were; with `dry` it only asks whether that can be done. Throws E_DRIFTED (4). */
  revert?(changes: readonly RowChange[], options: { readonly dry: boolean }): void;
}

export interface Inserted {
  readonly inserted: number;
  /** Rows whose number had been given to another. */
  readonly renumbered: number;
}

export interface RemovedRows {
  readonly removed: readonly string[];
  /** Why others were not. */
  readonly reasons: ReadonlyMap<string, string>;
}
