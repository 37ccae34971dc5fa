// Stages what a restore into a home needs, and computes what it would change there.
import { extractWhole } from "../../formats/repository/extract-whole.ts";
import type { ListingLine } from "../../formats/repository/listing.ts";
import { readListing } from "../../formats/repository/snapshots.ts";
import { assertPathsMovable } from "../../journal/movable.ts";
import { describeNewer, ListedSequences } from "./newer-sessions.ts";
import { isUntouched, planFiles, planHome, type InPlacePlan } from "./plan-in-place.ts";
import type { RestoreContext } from "./restore-context.ts";
import type { RestoreScope } from "./restore-scope.ts";

export interface PathPlan extends InPlacePlan {
  /** Roots outside the home of which the snapshot holds something that was asked for, and how many files. */
  readonly outside: ReadonlyMap<string, number>;
  /** What of the home's sessions is newer than the snapshot, and goes to the trash. */
  readonly loses: string | null;
}

/** Reads the snapshot's listing and the home. What cannot be moved is refused (4). */
export async function planInPlace(
  { repo, manifest, place, deps }: RestoreContext,
  scope: RestoreScope,
): Promise<PathPlan> {
  const lines: ListingLine[] = [];
  const outside = new Map<string, number>();
  const listed = new ListedSequences(place.source.sessionLayout);
  for await (const line of readListing(repo, manifest)) {
    if (line.root === "home") listed.add(line);
    if (scope !== undefined && !scope(line)) continue;
    if (line.root !== "home") {
      if (line.type === "file") outside.set(line.root, (outside.get(line.root) ?? 0) + 1);
    } else if (!isUntouched(place, line.path)) lines.push(line);
  }
  const plan = scope ? planFiles(place.home.root, lines) : planHome(place, lines, manifest);
  assertPathsMovable([...plan.aside, ...plan.installs.map(({ to }) => to)]);
  const { lastSequence } = listed;
  const loses = await describeNewer(place, { aside: plan.aside, lastSequence }, deps);
  return { ...plan, outside, loses };
}

/** Lays out below `dir` what the plan installs. Damage → exit 6: nothing was touched yet. */
export async function stageInPlace(
  { installs }: InPlacePlan,
  dir: string,
  { repo, manifest, place, deps }: RestoreContext,
  scope: RestoreScope,
): Promise<void> {
  const pending = new Set(installs.map(({ from }) => from));
  const only = ({ root, path }: ListingLine): boolean => root === "home" && isPending(path, pending);
  await extractWhole({ repo, manifest, dir, only }, deps);
  if (scope) await place.source.completeCatalog?.(place.home.root, dir, deps);
}

/** Whether a path, or one above it, is to be installed. */
function isPending(path: string, pending: ReadonlySet<string>): boolean {
  for (let end = path.indexOf("/"); end >= 0; end = path.indexOf("/", end + 1)) {
    if (pending.has(path.slice(0, end))) return true;
  }
  return pending.has(path);
}
