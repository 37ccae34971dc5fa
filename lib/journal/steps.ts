// What a run does to a home, step by step: plain data, with every path relative to one of the home's roots.

/**
 * `ROOT:PATH`. ROOT is `home`, `run` (the run's directory), `trash` (what the run puts away), or the name of a root outside the home, such as
 * `ledgers`.
 */
export type Location = string;

/** A file that nobody has touched since: neither replaced nor written to. */
export interface Stamp {
  readonly ino: string;
  readonly size: number;
  readonly mtime_ns: string;
}

/** What a step saw of its source. `tree`: of a directory, a digest over the names, inodes, sizes and times of all files below it. */
export interface Seen extends Stamp {
  readonly tree?: string;
}

interface Grouped {
  /** Steps of one group (a session, a database with its sidecars) are done together or dropped together. */
  readonly group?: string;
}

/** Inserts the rows of JSON Lines files that are not there; what is there stays. */
export interface InsertRows extends Grouped {
  readonly do: "insert-rows";
  readonly files: readonly Location[];
  /** The rows come from this very home. */
  readonly own_home: boolean;
}

/** Removes the rows of sessions that are as they were seen; they are kept in the trash first, unless `keep` is false. */
export interface RemoveRows {
  readonly do: "remove-rows";
  readonly sessions: readonly { readonly id: string; readonly fingerprint: string }[];
  readonly keep: boolean;
}

/** A rename, or a verified copy where a rename does not reach. */
export interface Move extends Grouped {
  readonly do: "move";
  readonly from: Location;
  readonly to: Location;
  /** A file that is at `to` is replaced. */
  readonly replace?: true;
  /**
   * Part of a replacement, which is done whatever came since the run was killed. Of a move that puts something in its place: what has come
   * to be at `to` goes to the trash. Of one to the trash: what lies at `from` goes, changed or not, if anything does, until the move of its
   * group that puts something in its place was done. What was not there before is a problem (3).
   */
  readonly displace?: true;
  /** `from` is removed from the home: what a killed run has not moved yet is asked again whether it may go. */
  readonly removes?: true;
  readonly seen?: Seen;
}

/** Removes a file or a tree. */
export interface Remove extends Grouped {
  readonly do: "remove";
  readonly path: Location;
  /** A tree: every file that may go with it; without it `path` is one file. */
  readonly files?: readonly (Stamp & { readonly path: string })[];
  readonly seen?: Seen;
}

/** Puts `staged` in the place of a file, or nothing; what was there is linked to `kept` before. Null: the file does not exist. */
export interface Swap extends Grouped {
  readonly do: "swap";
  readonly path: Location;
  readonly from: Stamp | null;
  readonly to: Stamp | null;
  readonly staged?: Location;
  readonly kept?: Location;
  /** SHA-256 of what is kept. */
  readonly sha256?: string;
}

export interface ChangeMode extends Grouped {
  readonly do: "mode";
  readonly path: Location;
  readonly from: number;
  readonly to: number;
}

/** Each may be done again when it was done already. */
export type Step = InsertRows | RemoveRows | Move | Remove | Swap | ChangeMode;

export const groupOf = (step: Step): string | undefined => ("group" in step ? step.group : undefined);

/** Every location that a step changes or takes something from. */
export function locationsOf(step: Step): Location[] {
  switch (step.do) {
    case "insert-rows":
      return [...step.files];
    case "remove-rows":
      return [];
    case "move":
      return [step.from, step.to];
    case "swap":
      return [
        step.path,
        ...(step.staged === undefined ? [] : [step.staged]),
        ...(step.kept === undefined ? [] : [step.kept]),
      ];
    default:
      return [step.path];
  }
}

/** Rows of a runtime's own database before and after a change; null where there was, or is, none. */
export interface RowChange {
  readonly table: string;
  readonly from: { readonly [column: string]: string | number | null } | null;
  readonly to: { readonly [column: string]: string | number | null } | null;
}
