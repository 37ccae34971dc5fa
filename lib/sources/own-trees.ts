// The directories of a session: what lies in them, in the order of an archive, what of it goes with the session, and what it will be known by.
import { hash } from "node:crypto";
import { statSync } from "node:fs";
import { osPath } from "../files/os-path.ts";
import { findPathProblem } from "../files/safe-names.ts";
import { belowRoot, walk, type LinkPolicy, type PathFacts, type WalkEntry } from "../files/walk.ts";
import { seenBy } from "../journal/stamps.ts";
import type { Seen } from "../journal/steps.ts";
import { walPath } from "../sqlite/sidecars.ts";
import type { LinkedPath, LocalSession, OwnPath, OwnTree, UnexpectedPath } from "./custody.ts";

export type OwnPaths = Pick<LocalSession, "paths" | "unexpected" | "links" | "seen">;

interface ListOwnPaths {
  /** What the runtime makes anew, which is nobody's loss. */
  readonly isIgnored?: (found: PathFacts) => boolean;
  /** Without it no symbolic link is followed. */
  readonly links?: LinkPolicy | undefined;
  /** Why no archive takes a file, by its path in one. */
  readonly exclusionOf?: (path: string) => string | undefined;
}

/**
 * Looks at every path; nothing is opened.
 */
export function listOwnPaths(
  trees: readonly OwnTree[],
  { isIgnored = () => false, links: policy, exclusionOf = () => undefined }: ListOwnPaths = {},
): OwnPaths {
  const paths: OwnPath[] = [];
  const unexpected: UnexpectedPath[] = [];
  const links: LinkedPath[] = [];
  const met = new Map<string, PathFacts[]>();
  for (const { part, dir, only } of trees) {
    const all: PathFacts[] = [];
    met.set(dir, all);
    for (const entry of walk(dir, { ...(only && { only }), links: policy })) {
      const found = factsOf(entry);
      all.push(found);
      if (OURS.test(found.path) || isIgnored(found)) continue;
      const path = found.path === "" ? part : `${part}/${found.path}`;
      const { link, fault } = entry;
      const reason = findPathProblem(path) ?? (fault ? `it ${fault.reason}` : reasonAgainst(found));
      const excluded = found.type === "file" ? exclusionOf(path) : undefined;
      const own = { path, from: belowRoot(dir, found.path), found, ...(excluded !== undefined && { excluded }) };
      if (reason !== undefined) unexpected.push({ path, reason, ...(fault && { code: fault.code }) });
      else if (link === undefined) paths.push(own);
      else paths.push({ ...own, isLink: true });
      if (link !== undefined && !fault) links.push({ path, text: link });
    }
  }
  if (links.length > 0) takeWalsOfLinks(paths);
  return { paths, unexpected, links, seen: (path) => seenAt(path, met) };
}

/** SQLite keeps the WAL beside the file that a link leads to; one beside the link is not read by anybody. */
function takeWalsOfLinks(paths: OwnPath[]): void {
  for (const { path, from } of paths.filter(({ path, isLink }) => isLink && path.endsWith(".db"))) {
    const beside = paths.findIndex((own) => own.path === `${path}-wal`);
    if (beside >= 0) paths.splice(beside, 1);
    const stat = statSync(osPath(walPath(from)), { bigint: true, throwIfNoEntry: false });
    if (!stat?.isFile() || stat.size === 0n) continue;
    const wal: OwnPath = {
      path: `${path}-wal`,
      from: walPath(from),
      found: { path: `${path}-wal`, type: "file", stat },
    };
    paths.splice(paths.findIndex((own) => own.path === path) + 1, 0, wal);
  }
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
