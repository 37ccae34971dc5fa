// What a session in its home is to its archive: the same, more than it, less than it, or another state.
import { hashFile } from "../files/hash-file.ts";
import { allFiles, PARTS, ROWS, type Receipt, type ReceiptFile } from "../formats/archive/receipt.ts";
import { laterName } from "../formats/archive/later-parts.ts";
import type { HomeCustody, LocalSession, OwnPath } from "../sources/custody.ts";
import { archivedPaths } from "../sources/own-trees.ts";

export interface ReceiptChanges {
  /** Files that came since, of a kind that is added to an archive. */
  readonly added: readonly OwnPath[];
  /** Paths of others that came, went or changed since: the archive holds another state. */
  readonly changed: readonly string[];
}

export interface ChangesQuery {
  readonly custody: Pick<HomeCustody, "exclusionOf">;
  /** Reads every byte even where the times are the same. */
  readonly thorough?: boolean;
}

/**
 * Times alone are no change. What the archive holds beyond the session is none where it is a part of its own: a ledger, its seal, a crash
 * bundle; and what no archive takes is not compared, whether an older one holds it or not.
 */
export function changesSince(
  receipt: Pick<Receipt, "files" | "later">,
  local: Pick<LocalSession, "paths">,
  { custody, thorough = false }: ChangesQuery,
): ReceiptChanges {
  const archived = new Map(allFiles(receipt).flatMap((file) => (isCompared(file) ? [[file.path, file]] : [])));
  const [added, changed]: [OwnPath[], string[]] = [[], []];
  for (const file of archivedPaths(local)) {
    if (file.found.type === "directory") continue;
    const before = archived.get(file.path);
    archived.delete(file.path);
    if (!before && laterName(file.path) !== undefined) added.push(file);
    else if (!before || !isSame(before, file, thorough)) changed.push(file.path);
  }
  const lost = [...archived.keys()].filter((path) => !isPartOfItsOwn(path) && !custody.exclusionOf?.(path));
  return { added, changed: [...changed, ...lost].sort() };
}

const isCompared = ({ type, path }: ReceiptFile): boolean => type === "file" && path !== ROWS;

const isPartOfItsOwn = (path: string): boolean => !path.startsWith(`${PARTS.session}/`);

function isSame(before: ReceiptFile, { from, found }: OwnPath, thorough: boolean): boolean {
  const { size, mtimeNs } = found.stat;
  if (before.size !== Number(size)) return false;
  if (!thorough && before.mtime_us === Number(mtimeNs / 1000n)) return true;
  return before.sha256 === hashFile(from);
}
