// Where archives lie when nobody says: where the tombstones do, else in the home, where AGH's documentation puts old sessions.
import { resolve } from "node:path";
import type { Deps } from "../records/deps.ts";
import { defaultRoots } from "../sources/agh/home/default-roots.ts";
import { archiveDir } from "../sources/agh/home/layout.ts";
import { listTombstones } from "../sources/agh/sessions/scan.ts";
import { readTombstone } from "../custody/tombstone-record.ts";
import { isNamedBy } from "../sources/selection.ts";

export const defaultArchiveTarget = (home: string | undefined, env: Deps["env"]): string =>
  archiveDir(rootOf(home, env));

const rootOf = (home: string | undefined, env: Deps["env"]): string =>
  home === undefined ? defaultRoots({ env })[0].dir : resolve(home);

/** Ids, or prefixes of them, by the target that each lies in: a retired session's tombstone names it. */
export function findArchiveTargets(
  ids: readonly string[],
  home: string | undefined,
  env: Deps["env"],
): Map<string, string[]> {
  const root = rootOf(home, env);
  const retired = [...listTombstones(root)];
  return Map.groupBy(ids, (typed) => {
    const found = retired.filter((id) => isNamedBy(typed, id));
    const stone = found.length === 1 ? readTombstone({ runtime: "agh", place: root, root }, found[0]!) : undefined;
    return stone?.target ?? archiveDir(root);
  });
}
