// Whether a receipt speaks of what a session is now.
import { hashFile } from "../files/hash-file.ts";
import { ROWS, type Receipt, type ReceiptFile } from "../formats/archive/receipt.ts";
import type { OwnPath } from "../sources/custody.ts";

/**
 * Paths that came, went or changed since; [] when the archive holds the session as it lies. Times alone are no change;
 * `thorough` reads every byte even where the times are the same.
 */
export function pathsChangedSince(receipt: Receipt, files: readonly OwnPath[], thorough = false): string[] {
  const archived = new Map(
    receipt.files.filter(({ type, path }) => type === "file" && path !== ROWS).map((file) => [file.path, file]),
  );
  const changed: string[] = [];
  for (const file of files) {
    if (file.found.type === "directory") continue;
    const before = archived.get(file.path);
    archived.delete(file.path);
    if (!before || !isSame(before, file, thorough)) changed.push(file.path);
  }
  return [...changed, ...archived.keys()].sort();
}

function isSame(before: ReceiptFile, { from, found }: OwnPath, thorough: boolean): boolean {
  const { size, mtimeNs } = found.stat;
  if (before.size !== Number(size)) return false;
  if (!thorough && before.mtime_us === Number(mtimeNs / 1000n)) return true;
  return before.sha256 === hashFile(from);
}
