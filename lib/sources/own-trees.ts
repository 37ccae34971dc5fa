// The directories of a session: what lies in them, in the order of an archive, what of it goes with the session, and what it will be known by.
import { hash } from "node:crypto";
import { findPathProblem } from "../files/safe-names.ts";
import { belowRoot, walk, type PathFacts, type WalkEntry } from "../files/walk.ts";
import { seenBy } from "../journal/stamps.ts";
import type { Seen } from "../journal/steps.ts";
import type { LocalSession, OwnPath, OwnTree } from "./custody.ts";

export type OwnPaths = Pick<LocalSession, "paths" | "unexpected" | "seen">;

/**
 * Looks at every path; nothing is opened. `isIgnored`: what the runtime makes anew, which is nobody's loss. `exclusionOf`: why no archive
 * takes a file.
 */
export function listOwnPaths(
  trees: readonly OwnTree[],
  isIgnored: (found: PathFacts) => boolean = () => false,
  exclusionOf: (path: string) => string | undefined = () => undefined,
): OwnPaths {
  const paths: OwnPath[] = [];
  const unexpected: { path: string; reason: string }[] = [];
  const met = new Map<string, PathFacts[]>();
  for (const { part, dir, only } of trees) {
    const all: PathFacts[] = [];
    met.set(dir, all);
    for (const entry of walk(dir, only && { only })) {
      const found = factsOf(entry);
      all.push(found);
      if (OURS.test(found.path) || isIgnored(found)) continue;
      const path = found.path === "" ? part : `${part}/${found.path}`;
      const reason = findPathProblem(path) ?? reasonAgainst(found);
      if (reason !== undefined) {
        unexpected.push({ path, reason });
        continue;
      }
      const excluded = found.type === "file" ? exclusionOf(path) : undefined;
      paths.push({ path, from: belowRoot(dir, found.path), found, ...(excluded !== undefined && { excluded }) });
    }
  }
  return { paths, unexpected, seen: (path) => seenAt(path, met) };
}

function seenAt(path: string, met: ReadonlyMap<string, readonly PathFacts[]>): Seen | undefined {
  for (const [dir, found] of met) {
    if (path === dir) return seenBy(found);
    if (!path.startsWith(`${dir}/`)) continue;
    const name = path.slice(dir.length + 1);
    const own = found.filter((one) => one.path === name || one.path.startsWith(`${name}/`));
    return seenBy(own.map(({ path: at, type, stat }) => ({ path: at.slice(name.length + 1), type, stat })));
  }
  return undefined;
}

/** A third of what a walk tells: thousands of sessions are kept in mind. */
const factsOf = ({ path, type, stat: { dev, ino, mode, nlink, size, mtimeNs, ctimeNs } }: WalkEntry): PathFacts => ({
  path,
  type,
  stat: { dev, ino, mode, nlink, size, mtimeNs, ctimeNs },
});

/** What a killed run of the toolkit has left. */
const OURS = /(?:^|\/)\.(?:agh-atomic-|agh-toolkit-)/;

const reasonAgainst = ({ type }: PathFacts): string | undefined =>
  type === "file" || type === "directory" ? undefined : `it is a ${type}`;

/** Trees that go with a session when it is removed. */
export const movableTrees = ({ trees }: Pick<LocalSession, "trees">): OwnTree[] => trees.filter(({ stays }) => !stays);

/** Files and directories that go with a session when it is removed. */
export function movablePaths({ trees, paths }: Pick<LocalSession, "trees" | "paths">): OwnPath[] {
  const staying = trees.filter(({ stays }) => stays).map(({ part }) => `${part}/`);
  return paths.filter(({ path }) => !staying.some((part) => `${path}/`.startsWith(part)));
}

/** What an archive takes of a session. */
export const archivedPaths = ({ paths }: Pick<LocalSession, "paths">): OwnPath[] =>
  paths.filter(({ excluded }) => excluded === undefined);

/** Bytes that come free when the files go; a file that has another name too gives nothing. */
export const freedBytes = (paths: readonly OwnPath[]): number =>
  paths.reduce(
    (sum, { found: { type, stat } }) => sum + (type === "file" && stat.nlink === 1n ? Number(stat.size) : 0),
    0,
  );

/** Over names, sizes, times and inodes. */
export function fingerprintOf(paths: readonly OwnPath[]): string {
  const lines = paths.map(({ path, found: { type, stat } }) =>
    type === "file" ? `${path}\0${stat.ino}\0${stat.size}\0${stat.mtimeNs}\n` : `${path}\0\n`,
  );
  return hash("sha256", lines.join("")).slice(0, 32);
}
