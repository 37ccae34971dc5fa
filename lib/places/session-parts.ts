// What of a session goes into its archive: an older form of lib/sources/own-trees.ts.
import { dirname } from "node:path";
import { PARTS } from "../formats/archive/receipt.ts";
import { isMadeAnew } from "../sources/agh/custody/session-home.ts";
import { bundlesDir } from "../sources/agh/home/layout.ts";
import type { OwnPath, OwnTree } from "../sources/custody.ts";
import { listOwnPaths } from "../sources/own-trees.ts";

export type ArchiveInput = OwnPath;

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

export function listTreeInputs(trees: readonly OwnTree[]): ArchiveInputs {
  const { paths, unexpected } = listOwnPaths(trees, isMadeAnew);
  return { files: paths, leftOut: unexpected };
}
