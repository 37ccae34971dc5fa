// One moment of a home that is being written to: what a backup takes of it, however long the copying lasts.
import type { BigIntStats } from "node:fs";
import type { WalkEntry } from "../files/walk.ts";
import type { Cut } from "../sqlite/copy/cut.ts";

export interface HomeCut {
  readonly at: Date;
  /** Between the first and the last thing noted. */
  readonly skewMs: number;
  /** Databases that were copied at the cut, by path within the home. */
  readonly copies: ReadonlyMap<string, CopiedDatabase>;
  /** What databases were at the cut, by path within the home. */
  readonly databases: ReadonlyMap<string, Cut>;
  /** Small files read at the cut, by path within the home. */
  readonly files: ReadonlyMap<string, ReadFile>;
  /** Why a path that is there now does not belong to the cut; undefined when it does. */
  excludes(root: string, found: WalkEntry): string | undefined;
}

export interface CopiedDatabase {
  /** The copy, of which nobody else knows. */
  readonly file: string;
  /** An online backup is one file; a pair may have its `-wal` beside it. */
  readonly copied: "online" | "pair";
}

export interface ReadFile {
  readonly bytes: Buffer;
  readonly stat: BigIntStats;
}
