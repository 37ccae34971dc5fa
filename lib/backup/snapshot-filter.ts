// Which snapshots the flags of a verb name: of which home, and as of when.
import type { SnapshotFilter } from "../formats/repository/snapshots.ts";
import { resolveSnapshotHome } from "../places/snapshot-home.ts";
import type { Deps } from "../records/deps.ts";
import { usageError } from "../records/error.ts";

export interface SnapshotFilterWords {
  /** Its path, where it is or was, or its id. */
  readonly home: string | undefined;
  readonly homeId: string | undefined;
  readonly at?: Date | undefined;
}

export type SnapshotChoice = Pick<SnapshotFilter, "homeId" | "homePath" | "at">;

export async function resolveSnapshotFilter(
  { home, homeId, at }: SnapshotFilterWords,
  deps: Deps,
): Promise<SnapshotChoice> {
  if (home === undefined) return { homeId, at };
  if (homeId !== undefined) throw usageError("--home and --home-id exclude each other");
  return { ...(await resolveSnapshotHome(home, deps)), at };
}
