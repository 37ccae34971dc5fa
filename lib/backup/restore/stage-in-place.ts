// Stages what a restore into a home needs, and computes what it would change there.
import { extractWhole } from "../../formats/repository/extract-whole.ts";
import type { ListingLine } from "../../formats/repository/listing.ts";
import { readListing } from "../../formats/repository/snapshots.ts";
import { assertPathsMovable } from "../../journal/movable.ts";
import { isUntouched, planFiles, planHome, type InPlacePlan } from "./plan-in-place.ts";
import type { RestoreContext } from "./restore-context.ts";
import type { RestoreScope } from "./restore-scope.ts";

export interface PathPlan extends InPlacePlan {
  /** Roots outside the home of which the snapshot holds something that was asked for, and how many files. */
  readonly outside: ReadonlyMap<string, number>;
}

/** Reads the snapshot's listing and the home. What cannot be moved is refused (4). */
export async function planInPlace({ repo, manifest, place }: RestoreContext, scope: RestoreScope): Promise<PathPlan> {
  const lines: ListingLine[] = [];
  const outside = new Map<string, number>();
  for await (const line of readListing(repo, manifest)) {
    if (scope !== undefined && !scope(line)) continue;
    if (line.root !== "home") {
      if (line.type === "file") outside.set(line.root, (outside.get(line.root) ?? 0) + 1);
    } else if (!isUntouched(place, line.path)) lines.push(line);
  }
  const plan = scope ? planFiles(place.home.root, lines) : planHome(place, lines, manifest);
  assertPathsMovable([...plan.aside, ...plan.installs.map(({ to }) => to)]);
  return { ...plan, outside };
}

/** Lays out below `dir` what the plan installs. Damage → exit 6: nothing was touched yet. */
export async function stageInPlace(
  { installs }: InPlacePlan,
  dir: string,
  { repo, manifest, place, deps }: RestoreContext,
  scope: RestoreScope,
): Promise<void> {
  const pending = new Set(installs.map(({ from }) => from));
  const only = ({ root, path }: ListingLine): boolean =>
    root === "home" && pending.has(scope === undefined ? path.split("/")[0]! : path);
  await extractWhole({ repo, manifest, dir, only }, deps);
  if (scope) await place.source.completeCatalog?.(place.home.root, dir, deps);
}
