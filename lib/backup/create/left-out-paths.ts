// Every path that a snapshot does not hold, with its reason; a directory stands for all below it.
import { walk, type PathFault, type WalkEntry } from "../../files/walk.ts";
import type { CoverageGap } from "../../formats/repository/manifest.ts";
import type { Root } from "../../sources/source.ts";

export class LeftOutPaths {
  readonly all: CoverageGap[] = [];

  add(root: Root, { path, type }: Pick<WalkEntry, "path" | "type">, of: string, reason: string): void {
    const below = type === "directory" ? countBelow(`${root.dir}/${path}`) : {};
    this.all.push({ root: root.name, path, class: of, reason, ...below });
  }

  /** What was to be taken and cannot be. Nothing of it is looked at. */
  addMissing(root: Pick<Root, "name">, path: string, of: string, { code, reason }: PathFault): void {
    this.all.push({ root: root.name, path, class: of, reason: `it ${reason}`, code, missing: true });
  }
}

function countBelow(dir: string): { files: number; bytes: number } {
  const below = { files: 0, bytes: 0 };
  // What cannot be read is left out with the rest; its size stays unknown.
  for (const { type, stat } of walk(dir, { unreadable: () => undefined })) {
    if (type === "directory") continue;
    below.files++;
    below.bytes += type === "file" ? Number(stat.size) : 0;
  }
  return below;
}
