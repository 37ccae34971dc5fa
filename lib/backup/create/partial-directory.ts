// A directory that is entered for what another class has below it: where that is, and how much of the rest there is.
import { belowRoot, walk, type WalkEntry } from "../../files/walk.ts";
import type { CoverageGap } from "../../formats/repository/manifest.ts";
import type { Classification, Root } from "../../sources/source.ts";

export interface PartialDirectory {
  /** Whether it is this directory, or lies below it. */
  covers(root: Root, path: string): boolean;
  /** Directories with something that is taken, or that must be looked at to know. */
  readonly entered: ReadonlySet<string>;
  /** What is not taken, by class. */
  readonly left: ReadonlyMap<string, Required<Pick<CoverageGap, "files" | "bytes">>>;
}

interface Rules {
  classify(path: string, type: WalkEntry["type"]): Classification;
  isIncluded(of: Classification): boolean;
}

/** One walk over names and sizes: nothing is opened. */
export function readPartialDirectory(root: Root, top: string, rules: Rules): PartialDirectory {
  const entered = new Set<string>();
  // Its own class is named in any case: empty directories are left out as well.
  const left = new Map([[rules.classify(top, "directory").class, { files: 0, bytes: 0 }]]);
  const enter = (path: string): void => {
    for (let at = path; at.length >= top.length && !entered.has(at); at = parentOf(at)) entered.add(at);
  };
  const pathOf = (below: string): string => (below === "" ? top : `${top}/${below}`);
  // What cannot be read is met again, and reported.
  const unreadable = (below: string): void => enter(pathOf(below));
  for (const found of walk(belowRoot(root.dir, top), { unreadable })) {
    const path = pathOf(found.path);
    const of = rules.classify(path, found.type);
    if (found.type === "directory") continue;
    if (rules.isIncluded(of) || found.type === "symlink") enter(parentOf(path));
    if (rules.isIncluded(of)) continue;
    const sum = left.get(of.class) ?? { files: 0, bytes: 0 };
    sum.files++;
    sum.bytes += found.type === "file" ? Number(found.stat.size) : 0;
    left.set(of.class, sum);
  }
  const covers = ({ name }: Root, path: string): boolean =>
    name === root.name && (path === top || path.startsWith(`${top}/`));
  return { covers, entered, left };
}

const parentOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf("/")));
