// What of a session goes into its archive: every file of its directory, its ledger's and its crash bundles, in order.
import { dirname } from "node:path";
import { readdirSync } from "node:fs";
import { findPathProblem } from "../files/safe-names.ts";
import { osPath } from "../files/os-path.ts";
import { belowRoot, walk, type WalkEntry } from "../files/walk.ts";
import { PARTS } from "../formats/archive/receipt.ts";
import { bundlesDir, EVENTS } from "../sources/agh/home/layout.ts";

/** A path that goes into the archive. */
export interface ArchiveInput {
  /** In the archive. */
  readonly path: string;
  /** Where it lies. */
  readonly from: string;
  readonly found: WalkEntry;
}

export interface ArchiveInputs {
  readonly files: readonly ArchiveInput[];
  readonly leftOut: readonly { readonly path: string; readonly reason: string }[];
}

export interface SessionPaths {
  readonly root: string;
  readonly id: string;
  /** The session's directory. */
  readonly dir: string;
  /** The ledger file. */
  readonly ledger: string | undefined;
  readonly bundles: readonly string[];
}

/** Looks at every path; nothing is opened. */
export function listArchiveInputs({ root, dir, ledger, bundles }: SessionPaths): ArchiveInputs {
  return listTreeInputs([
    { part: PARTS.session, dir },
    ...(ledger === undefined ? [] : [{ part: PARTS.ledger, dir: dirname(ledger) }]),
    ...(bundles.length === 0 ? [] : [{ part: PARTS.bundles, dir: bundlesDir(root), only: bundles }]),
  ]);
}

/** A directory, and the part of the archive that it becomes. */
export interface SessionTree {
  readonly part: string;
  readonly dir: string;
  /** Names in it that belong to the session, where not all do. */
  readonly only?: readonly string[];
}

export function listTreeInputs(trees: readonly SessionTree[]): ArchiveInputs {
  const files: ArchiveInput[] = [];
  const leftOut: { path: string; reason: string }[] = [];
  for (const { part, dir, only } of trees) {
    for (const found of walk(dir, only && { only })) {
      const path = found.path === "" ? part : `${part}/${found.path}`;
      const reason = reasonAgainst(found, findPathProblem(path));
      if (reason === undefined) files.push({ path, from: belowRoot(dir, found.path), found });
      else if (reason !== "") leftOut.push({ path, reason });
    }
  }
  return { files, leftOut };
}

/** Undefined for what is taken; "" for what is nobody's loss. */
function reasonAgainst({ path, type, stat }: WalkEntry, bad: string | undefined): string | undefined {
  if (path === `${EVENTS}-shm` || (path === `${EVENTS}-wal` && stat.size === 0n)) return "";
  if (/(?:^|\/)\.(?:agh-atomic-|agh-toolkit-)/.test(path)) return "";
  if (bad !== undefined) return bad;
  return type === "file" || type === "directory" ? undefined : `it is a ${type}`;
}

/** Names of all crash bundles of a home, sorted. */
export const listBundles = (root: string): readonly string[] => namesIn(bundlesDir(root));

/** Those of one session: AGH calls them `<session>-<failure kind>-<nanoseconds>.json`. */
export const bundlesOf = (names: readonly string[], id: string): readonly string[] =>
  names.filter((name) => name.startsWith(`${id}-`) && /^[a-z_]+-\d+\.json$/.test(name.slice(id.length + 1)));

function namesIn(dir: string): string[] {
  try {
    return readdirSync(osPath(dir)).sort();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return [];
    throw error;
  }
}
