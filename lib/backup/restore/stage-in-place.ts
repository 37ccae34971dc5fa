// Stages what a restore into a home needs, and computes what it would change there.
import { extract, applyDirectoryMetadata, type ExtractOptions } from "../../formats/repository/extract.ts";
import type { ListingLine } from "../../formats/repository/listing.ts";
import { readListing } from "../../formats/repository/snapshots.ts";
import { placeError } from "../../records/error.ts";
import type { Deps } from "../../records/deps.ts";
import { isUntouched, planFiles, planHome, type InPlacePlan } from "./plan-in-place.ts";
import type { RestoreContext } from "./restore-in-place.ts";
import type { RestoreScope } from "./restore-scope.ts";

export interface PathPlan extends InPlacePlan {
  /** Roots outside the home of which the snapshot holds something that was asked for, and how many files. */
  readonly outside: ReadonlyMap<string, number>;
}

/** Reads the snapshot's listing and the home. */
export async function planInPlace({ repo, manifest, place }: RestoreContext, scope: RestoreScope): Promise<PathPlan> {
  const lines: ListingLine[] = [];
  const outside = new Map<string, number>();
  for await (const line of readListing(repo, manifest)) {
    if (scope !== undefined && !scope(line)) continue;
    if (line.root !== "home") {
      if (line.type === "file") outside.set(line.root, (outside.get(line.root) ?? 0) + 1);
    } else if (!isUntouched(place, line.path)) lines.push(line);
  }
  return { ...(scope ? planFiles(place.home.root, lines) : planHome(place, lines, manifest)), outside };
}

/** Lays out below `dir` what the plan installs. */
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

/** Damage → exit 6: nothing was touched yet. */
export async function extractWhole(plan: ExtractOptions, deps: Deps): Promise<void> {
  const { repo, manifest, dir } = plan;
  const { faults } = await extract(plan, deps);
  const [fault] = faults;
  if (fault) {
    const more = faults.length > 1 ? ` and ${faults.length - 1} more` : "";
    const message = `${fault.path.slice(dir.length + 1)}${more} cannot be restored: ${fault.message}`;
    const hint = `agh-backup verify ${manifest.id} --level full --repo ${repo.url}`;
    throw placeError(`E_${fault.code}`, message, hint);
  }
  await applyDirectoryMetadata(plan, "below");
}
