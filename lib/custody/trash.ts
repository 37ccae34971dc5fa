// The trash of a home: what each run has put there, and the sealed lists that tell what was touched since.
import { readdirSync, readFileSync } from "node:fs";
import { hashFile } from "../files/hash-file.ts";
import { joinPath, osPath } from "../files/os-path.ts";
import { belowRoot, walk } from "../files/walk.ts";
import { decodeSealed, encodeSealed } from "../formats/sealed-json.ts";
import { isUlid } from "../formats/ulid.ts";
import { trashDir } from "../journal/locations.ts";
import { isThere } from "../journal/move.ts";
import { findRowTrash, type StoredRowTrash } from "../journal/removed-rows.ts";

export const TRASH_LIST = "trash.json";
const FORMAT = 1;

/** The directories that a run has put into the trash; it lies beside them as `trash.json`. */
export interface TrashList {
  readonly format: number;
  readonly run: string;
  readonly home_id: string;
  readonly trashed_at: string;
  readonly entries: readonly TrashEntry[];
}

/** One session. */
export interface TrashEntry {
  readonly session_id: string;
  /** Name of its directory below `sessions/`. */
  readonly name: string;
  /** Name of the directory below the ledger root that its ledger lay in; null where it had none. */
  readonly partition: string | null;
  /** Below the run's directory, with size and digest. */
  readonly files: readonly { readonly path: string; readonly size: number; readonly sha256: string }[];
}

export const encodeTrash = (list: Omit<TrashList, "format">): Buffer => encodeSealed({ format: FORMAT, ...list }).bytes;

type Named = Pick<TrashEntry, "session_id" | "name" | "partition">;

/** Where an entry's parts lie below the run's directory. */
export const trashPlaces = ({ session_id, name, partition }: Named): { readonly session: string; ledger?: string } => ({
  session: `sessions/${name}`,
  ...(partition !== null && { ledger: `ledgers/${partition}/${session_id}` }),
});

const placesOf = (entry: Named): string[] => Object.values(trashPlaces(entry));

export interface TrashRun {
  /** Its name, a ULID unless somebody else put it there. */
  readonly run: string;
  readonly dir: string;
  /** Undefined where there is none: another tool put it there, or emptying was cut short; null where it was touched. */
  readonly list: TrashList | undefined | null;
  /** The rows of a database that it has put there. */
  readonly rows: StoredRowTrash | undefined;
}

/** Oldest first. */
export function trashRuns(root: string): TrashRun[] {
  return namesIn(trashDir(root)).map((run) => {
    const dir = joinPath(trashDir(root), run);
    return { run, dir, list: isUlid(run) ? readList(dir, run) : undefined, rows: findRowTrash(root, run) };
  });
}

function readList(dir: string, run: string): TrashList | undefined | null {
  let bytes: Buffer;
  try {
    bytes = readFileSync(osPath(joinPath(dir, TRASH_LIST)));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw error;
  }
  const list = decoded(bytes);
  return list?.format === FORMAT && list.run === run && Array.isArray(list.entries) ? list : null;
}

function decoded(bytes: Buffer): TrashList | undefined {
  try {
    return decodeSealed(bytes) as unknown as TrashList | undefined;
  } catch {
    return undefined; // a digest can be put under anything
  }
}

/** Entries that have not been restored. */
export const presentIn = ({ dir, list }: TrashRun): TrashEntry[] =>
  (list?.entries ?? []).filter((entry) => placesOf(entry).some((place) => isThere(joinPath(dir, place))));

/** What is not as it was put there, in words; undefined when every byte is. */
export function tamperedIn({ dir }: TrashRun, entry: TrashEntry): string | undefined {
  const expected = new Map(entry.files.map((file) => [file.path, file]));
  for (const place of placesOf(entry)) {
    for (const { path, type } of walk(joinPath(dir, place))) {
      const name = path === "" ? place : `${place}/${path}`;
      if (type === "directory") continue;
      const file = expected.get(name);
      expected.delete(name);
      if (type !== "file" || !file) return `${name} was not put there`;
      if (hashFile(belowRoot(dir, name), file.size) !== file.sha256) return `${name} was changed`;
    }
  }
  const [missing] = expected.keys();
  return missing === undefined ? undefined : `${missing} is missing`;
}

/** Bytes of all files below a directory. */
export function bytesBelow(dir: string): number {
  let bytes = 0;
  for (const { type, stat } of walk(dir)) if (type === "file" && stat.nlink === 1n) bytes += Number(stat.size);
  return bytes;
}

function namesIn(dir: string): string[] {
  try {
    return readdirSync(osPath(dir)).sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}
