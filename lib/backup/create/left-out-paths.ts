// Every path that a snapshot does not hold, with its reason; a directory stands for all below it.
import { walk, type WalkEntry } from "../../files/walk.ts";
import type { CoverageGap } from "../../formats/repository/manifest.ts";
import type { Root } from "../../sources/source.ts";

/** Why something that was to be taken is not in the snapshot. */
interface Absence {
  /** Of the finding. */
  readonly code: string;
  /** In words that go on from "it". */
  readonly reason: string;
}

export class LeftOutPaths {
  readonly all: CoverageGap[] = [];
  /** Names of what is known to be missing. */
  readonly #accepted: readonly string[];

  constructor(accepted: readonly string[] = []) {
    this.#accepted = accepted.map((name) => name.replace(/\/+$/, ""));
  }

  /** `isLate`: it came after the cut. */
  add(
    root: Root,
    { path, type }: Pick<WalkEntry, "path" | "type">,
    of: string,
    reason: string,
    { isLate = false }: { readonly isLate?: boolean } = {},
  ): void {
    const below = type === "directory" ? countBelow(`${root.dir}/${path}`) : {};
    this.all.push({ root: root.name, path, class: of, reason, ...(isLate && { late: true as const }), ...below });
  }

  /** What was to be taken and cannot be. Nothing of it is looked at. False where its absence is accepted: nobody is to be told. */
  addMissing({ name: root }: Pick<Root, "name">, path: string, of: string, { code, reason }: Absence): boolean {
    const accepted = this.#isAccepted(root, path, of);
    const gap = { root, path, class: of, reason: `it ${reason}`, code, missing: true as const };
    this.all.push({ ...gap, ...(accepted && { accepted: true as const }) });
    return !accepted;
  }

  /** By `ROOT/PATH`, by a path of the home, or by `CLASS/ID`; a name stands for all below it. */
  #isAccepted(root: string, path: string, of: string): boolean {
    const id = root.includes("/") ? root.slice(root.indexOf("/") + 1) : root;
    const names = [
      placeOf(root, path),
      placeOf(`${of}/${id}`, path),
      ...(root === "home" && path !== "" ? [path] : []),
    ];
    return this.#accepted.some((name) => names.some((own) => own === name || own.startsWith(`${name}/`)));
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

const placeOf = (root: string, path: string): string => (path === "" ? root : `${root}/${path}`);
