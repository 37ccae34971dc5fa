// Where archives lie when nobody says: where the tombstones do, else in the home, where AGH's documentation puts old sessions.
import { resolve } from "node:path";
import type { Deps } from "../records/deps.ts";
import { defaultRoots } from "../sources/agh/default-roots.ts";
import { archiveDir } from "../sources/agh/layout.ts";
import { tombstones } from "../sources/agh/scan.ts";
import { tombstoneOf } from "../sources/agh/tombstone.ts";
import { isNamedBy } from "../sources/selection.ts";

export const archiveTarget = (home: string | undefined, env: Deps["env"]): string => archiveDir(rootOf(home, env));

const rootOf = (home: string | undefined, env: Deps["env"]): string =>
  home === undefined ? defaultRoots({ env })[0].dir : resolve(home);

/** Ids, or prefixes of them, by the target that each lies in: a retired session's tombstone names it. */
export function archiveTargets(
  ids: readonly string[],
  home: string | undefined,
  env: Deps["env"],
): Map<string, string[]> {
  const root = rootOf(home, env);
  const retired = [...tombstones(root)];
  return Map.groupBy(ids, (typed) => {
    const found = retired.filter((id) => isNamedBy(typed, id));
    const stone = found.length === 1 ? tombstoneOf({ runtime: "agh", place: root, root }, found[0]!) : undefined;
    return stone?.target ?? archiveDir(root);
  });
}
