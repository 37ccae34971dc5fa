// The tombstone of a session that agh-vacuum retired, as a record.
import { readFileSync } from "node:fs";
import { toFileError } from "../files/errors.ts";
import { joinPath, osPath } from "../files/os-path.ts";
import { decodeTombstone, tombstoneName } from "../formats/archive/tombstone.ts";
import { toolkitDir } from "../journal/locations.ts";
import type { TombstoneRecord } from "../records/toolkit-kinds.ts";
import type { Home } from "../sources/source.ts";

/** Undefined where there is none; of one that was touched only that it was. */
export function readTombstone(
  { runtime, place, root }: Pick<Home, "runtime" | "place" | "root">,
  id: string,
): TombstoneRecord | undefined {
  const path = joinPath(toolkitDir(root), `tombstones/${tombstoneName(id)}`);
  const bytes = readOrUndefined(path);
  if (!bytes) return undefined;
  const common = { kind: "tombstone" as const, runtime, home: place, id, session_id: id };
  const found = decodeTombstone(bytes);
  if (found?.session_id !== id) return { ...common, problem: `${path} is not what was written` };
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

function readOrUndefined(path: string): Buffer | undefined {
  try {
    return readFileSync(osPath(path));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw toFileError(path, "read", error);
  }
}
