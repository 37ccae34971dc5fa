// What a restore into a home is about, and the words that its records share.
import type { Manifest } from "../../formats/repository/manifest.ts";
import type { Repository } from "../../formats/repository/repository.ts";
import type { SnapshotFilter } from "../../formats/repository/snapshots.ts";
import type { OpenPlace } from "../../places/place.ts";
import type { Deps } from "../../records/deps.ts";
import type { Tally } from "../../records/summary.ts";
import type { RestoreSelection } from "./restore-scope.ts";

export const RESTORE = "agh-backup restore";

export interface RestoreInPlace extends RestoreSelection, SnapshotFilter {
  readonly repo: string;
  readonly id: string;
  /** The home. */
  readonly into: string;
  /** A snapshot of another home may be restored into it. */
  readonly fromOtherHome: boolean;
  /** A session that is there and differs goes to the trash. */
  readonly replace: boolean;
  readonly apply: boolean;
  readonly lockTimeoutMs: number;
  /** This toolkit's version. */
  readonly toolkit: string;
}

export interface RestoreContext {
  readonly options: RestoreInPlace;
  readonly repo: Repository;
  readonly manifest: Manifest;
  readonly place: OpenPlace;
  readonly tally: Tally;
  readonly deps: Deps;
}

export const SET_ASIDE = "the existing path is moved to .agh-toolkit/trash";
