// A home as it was found, and which of its sessions are selected.

/** A root of one runtime's state, as it was found. */
export interface Home {
  readonly runtime: string;
  /** The word that names it: goes into every record as `home`. */
  readonly place: string;
  /** The directory that is read; for a backup the scratch copy. */
  readonly root: string;
  readonly id: string;
  /** False where the files at `root` are a private copy, whose processes cannot run here. */
  readonly live: boolean;
}

/** Selectors of records.md; every part narrows. Times are the last event's, as RFC 3339 text. */
export interface SessionFilter {
  readonly ids?: readonly string[];
  readonly agents?: readonly string[];
  /** Either id, or name, or path. */
  readonly workspaces?: readonly string[];
  /** Matches `state` or `effective`. */
  readonly states?: readonly string[];
  readonly stopReasons?: readonly string[];
  readonly failures?: readonly string[];
  readonly crashed?: boolean;
  readonly since?: string;
  readonly until?: string;
  readonly limit?: number;
  readonly sort?: SessionSort;
  /** Read every selected session's last event. */
  readonly lastEvents?: boolean;
  /** Tell `events_bytes` also where they must be counted. */
  readonly sizes?: boolean;
}

/** Descending where `-` leads. */
export type SessionSort =
  | "id"
  | "created"
  | "updated"
  | "last-event"
  | "size"
  | "-created"
  | "-updated"
  | "-last-event"
  | "-size";
