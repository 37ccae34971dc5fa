// What was moved to session-archive by hand, as AGH's documentation says: directories, and tars of them.
import { lstatSync } from "node:fs";
import { basename, dirname } from "node:path";
import { joinPath, osPath } from "../files/os-path.ts";
import { walk } from "../files/walk.ts";
import { archiveKey } from "../formats/archive/receipt.ts";
import { EVENTS, isId, META } from "../sources/agh/home/layout.ts";
import { readMeta } from "../sources/agh/sessions/meta.ts";
import type { Target } from "../targets/target.ts";

export interface ManualArchive {
  readonly id: string;
  readonly form: "directory" | "tar";
  /** A directory's or a file's path; of a bucket's object its key. */
  readonly path: string;
  readonly bytes: number;
}

const TAR = /^(.+)\.(?:tar|tar\.gz|tgz|tar\.zst)$/;

/** In order of id. Directories are known by their meta.json or events.db, whose id a meta may correct. */
export async function* listManualArchives(
  target: Target,
  receipted: ReadonlySet<string>,
): AsyncGenerator<ManualArchive> {
  const found: ManualArchive[] = [];
  const directories = new Set<string>();
  for await (const { key, size } of target.list("")) {
    const [top, name, more] = key.split("/") as [string, string?, string?];
    if (name === undefined) {
      const id = TAR.exec(top)?.[1];
      if (isId(id) && !receipted.has(id) && !top.startsWith("."))
        found.push({ id, form: "tar", path: key, bytes: size });
    } else if (target.dir !== undefined && more === undefined && (name === META || name === EVENTS))
      directories.add(top);
  }
  for (const name of directories) {
    const path = joinPath(target.dir!, name);
    found.push({ id: idOf(path), form: "directory", path, bytes: bytesBelow(path) });
  }
  yield* found.sort((a, b) => (a.id < b.id ? -1 : 1));
}

function idOf(path: string): string {
  const read = readMeta(joinPath(path, META));
  return "meta" in read && isId(read.meta.id) ? read.meta.id : basename(path);
}

function bytesBelow(path: string): number {
  let bytes = 0;
  for (const { type, stat } of walk(path)) if (type === "file") bytes += Number(stat.size);
  return bytes;
}

/** Whether a tar was made by put and has lost its receipt, or was never finished. */
export const lacksReceipt = ({ id, path }: ManualArchive): boolean => path === archiveKey(id);

/** The directory within `dir` that is a session's: itself, or the one place below where its files lie. */
export function findSessionDir(dir: string): string | undefined {
  for (const { path, type } of walk(dir)) {
    if (type !== "file" || !/(?:^|\/)meta\.json$/.test(path)) continue;
    const above = dirname(joinPath(dir, path));
    if (lstatSync(osPath(joinPath(above, EVENTS)), { throwIfNoEntry: false })?.isFile()) return above;
  }
  return undefined;
}
