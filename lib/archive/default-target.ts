// Where archives lie when nobody says: where the tombstones do, else where the home's runtime puts old sessions.
import { resolve } from "node:path";
import { readStoredTombstone, retiredIds } from "../custody/tombstones.ts";
import type { Deps } from "../records/deps.ts";
import { usageError } from "../records/error.ts";
import { detectRuntime, RUNTIMES, type Runtime } from "../sources/runtimes.ts";
import { isNamedBy } from "../sources/selection.ts";

type Outside = Pick<Deps, "env" | "platform">;

export const defaultArchiveTarget = (home: string | undefined, deps: Outside): string => targetIn(rootOf(home, deps));

/** A runtime that says where old sessions go: the home's own, or the first that does. */
function archivingRuntime(root?: string): Runtime & Required<Pick<Runtime, "defaultArchive">> {
  const own = root === undefined ? undefined : detectRuntime(root);
  const found = [...(own ? [own] : []), ...RUNTIMES].find(hasDefault);
  if (found) return found;
  throw usageError("no target was given", "--from TARGET");
}

const hasDefault = (runtime: Runtime): runtime is ReturnType<typeof archivingRuntime> =>
  runtime.defaultArchive !== undefined;

const rootOf = (home: string | undefined, deps: Outside): string =>
  home === undefined ? archivingRuntime().defaultRoots(deps)[0]!.dir : resolve(home);

const targetIn = (root: string): string => archivingRuntime(root).defaultArchive(root);

/** Ids, or prefixes of them, by the target that each lies in: a retired session's tombstone names it. */
export function findArchiveTargets(
  ids: readonly string[],
  home: string | undefined,
  deps: Outside,
): Map<string, string[]> {
  const root = rootOf(home, deps);
  const retired = retiredIds(root);
  return Map.groupBy(ids, (typed) => {
    const found = retired.filter((id) => isNamedBy(typed, id));
    const stone = found.length === 1 ? readStoredTombstone(root, found[0]!) : undefined;
    return (stone !== "damaged" && stone?.archive?.target) || targetIn(root);
  });
}
