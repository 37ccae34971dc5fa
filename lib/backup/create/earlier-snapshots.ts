// The snapshots of a home that a new one is made along, and compared with.
import { isComplete, type Manifest } from "../../formats/repository/manifest.ts";
import type { Repository } from "../../formats/repository/repository.ts";
import { SnapshotStates } from "../../formats/repository/snapshot-state.ts";
import { listManifests } from "../../formats/repository/snapshots.ts";
import type { ToolError } from "../../records/error.ts";

export interface EarlierSnapshots {
  /** The newest: what did not change since is not read again. */
  readonly parent: Manifest | undefined;
  /** The newest that is neither suspect nor bad. */
  readonly reference: Manifest | undefined;
  /** The newest such that holds all that is to be taken, where the reference does not: what it has may be lost meanwhile. */
  readonly complete: Manifest | undefined;
}

/** A home that is never complete is not looked for in all its snapshots. */
const MOST = 60;

export async function findEarlier(
  repo: Repository,
  homeId: string,
  classes: readonly string[],
  problem: (error: ToolError) => void,
): Promise<EarlierSnapshots> {
  const states = await SnapshotStates.read(repo, problem);
  let [parent, reference]: (Manifest | undefined)[] = [];
  let seen = 0;
  for await (const manifest of listManifests(repo, { homeId }, problem)) {
    parent ??= manifest;
    if (reference && ++seen > MOST) break;
    if (!states.isTrusted(manifest)) continue;
    reference ??= manifest;
    if (!isComplete(manifest) || !classes.every((name) => manifest.classes.includes(name))) continue;
    return { parent, reference, complete: manifest === reference ? undefined : manifest };
  }
  return { parent, reference, complete: undefined };
}
