// The tombstones of retired sessions in a home: which there are, and where they say that the archive lies.
import { readdirSync, readFileSync } from "node:fs";
import { joinPath, osPath } from "../files/os-path.ts";
import { toFileError } from "../files/errors.ts";
import { decodeTombstone, retiredRowsName, tombstoneName, type Tombstone } from "../formats/archive/tombstone.ts";
import { toolkitDir } from "../journal/locations.ts";

const tombstonesIn = (root: string): string => joinPath(toolkitDir(root), "tombstones");

export const tombstoneFile = (root: string, id: string): string => joinPath(tombstonesIn(root), tombstoneName(id));

/** Where it is told which sessions' rows a run has removed. */
export const retiredRowsFile = (root: string, run: string): string =>
  joinPath(tombstonesIn(root), retiredRowsName(run));

/** Ids of the sessions that have one. */
export function retiredIds(root: string): string[] {
  try {
    return readdirSync(osPath(tombstonesIn(root))).flatMap((name) => /^(.+)\.json$/.exec(name)?.[1] ?? []);
  } catch (error) {
    if (isMissing(error)) return [];
    throw toFileError(tombstonesIn(root), "list", error);
  }
}

/** Undefined where there is none; `damaged` where it is not what was written. */
export function readStoredTombstone(root: string, id: string): Tombstone | "damaged" | undefined {
  try {
    const found = decodeTombstone(readFileSync(osPath(tombstoneFile(root, id))));
    return found?.session_id === id ? found : "damaged";
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw toFileError(tombstoneFile(root, id), "read", error);
  }
}

const isMissing = (error: unknown): boolean =>
  ["ENOENT", "ENOTDIR"].includes(String((error as NodeJS.ErrnoException).code));
