// The tombstone of a session that agh-vacuum retired, as a record.
import type { TombstoneRecord } from "../records/toolkit-kinds.ts";
import type { Home } from "../sources/source.ts";
import { readStoredTombstone, tombstoneFile } from "./tombstones.ts";

/** Undefined where there is none; of one that was touched only that it was. */
export function readTombstone(
  { runtime, place, root }: Pick<Home, "runtime" | "place" | "root">,
  id: string,
): TombstoneRecord | undefined {
  const found = readStoredTombstone(root, id);
  if (!found) return undefined;
  const common = { kind: "tombstone" as const, runtime, home: place, id, session_id: id };
  if (found === "damaged") return { ...common, problem: `${tombstoneFile(root, id)} is not what was written` };
  const { retired_at, archive, snapshot, trash, last_sequence } = found;
  return {
    ...common,
    retired_at,
    ...(archive && { target: archive.target, sha256: archive.sha256 }),
    ...(snapshot && { snapshot: `backup:${snapshot.repo}@${snapshot.id}` }),
    ...(trash !== undefined && { trash }),
    last_sequence,
  };
}
