// What of an archived session is missing in a home, and what stands in its way.
import { lstatSync } from "node:fs";
import { hashFile } from "../files/hash-file.ts";
import { joinPath, osPath } from "../files/os-path.ts";
import { PARTS, type ReceiptFile } from "../formats/archive/receipt.ts";
import { refusal } from "../records/error.ts";
import { bundlesDir, isId, sessionDir } from "../sources/agh/home/layout.ts";
import type { SessionArchive } from "./session-archive.ts";

/** Where the parts of a session lie in the home. */
export interface Destination {
  readonly root: string;
  readonly ledgerRoot: string;
}

/** A file, or a directory with all below it, that goes from the archive to the home. */
export interface Move {
  /** In the archive. */
  readonly part: string;
  readonly to: string;
}

export interface InstallPlan {
  /** [] when all of it is there. */
  readonly moves: readonly Move[];
  /** What is there and is something else: the session is refused. */
  readonly conflicts: readonly string[];
}

/** A session that has to come, whole or in part. */
export interface PendingSession {
  readonly incoming: SessionArchive;
  readonly moves: readonly Move[];
}

/** Reads the home only. */
export function planInstall(incoming: SessionArchive, to: Destination): InstallPlan {
  const moves: Move[] = [];
  const conflicts: string[] = [];
  const { id, files } = incoming;
  diffTree({ files, part: PARTS.session, to: sessionDir(to.root, id) }, moves, conflicts);
  if (files.some(({ path }) => path === PARTS.ledger)) {
    diffTree({ files, part: PARTS.ledger, to: ledgerDir(to, incoming) }, moves, conflicts);
  }
  for (const file of files) {
    if (!file.path.startsWith(`${PARTS.bundles}/`)) continue;
    diffFile(file, joinPath(bundlesDir(to.root), file.path.slice(PARTS.bundles.length + 1)), moves, conflicts);
  }
  return { moves, conflicts };
}

function ledgerDir({ ledgerRoot }: Destination, { id, partition }: SessionArchive): string {
  if (isId(partition)) return joinPath(joinPath(ledgerRoot, partition), id);
  throw refusal("E_HOSTILE_ARCHIVE", `the receipt of ${id} puts its ledger at ${JSON.stringify(partition)}`);
}

export interface ArchivedTree {
  readonly files: readonly ReceiptFile[];
  readonly part: string;
  readonly to: string;
}

/** The whole directory where there is none; else file by file. */
export function diffTree({ files, part, to }: ArchivedTree, moves: Move[], conflicts: string[]): void {
  const there = lstatSync(osPath(to), { throwIfNoEntry: false });
  if (!there) return void moves.push({ part, to });
  if (!there.isDirectory()) return void conflicts.push(to);
  for (const file of files) {
    if (!file.path.startsWith(`${part}/`) || file.type !== "file") continue;
    diffFile(file, joinPath(to, file.path.slice(part.length + 1)), moves, conflicts);
  }
}

function diffFile(file: ReceiptFile, to: string, moves: Move[], conflicts: string[]): void {
  if (!lstatSync(osPath(to), { throwIfNoEntry: false })) moves.push({ part: file.path, to });
  else if (hashFile(to, file.size) !== file.sha256) conflicts.push(to);
}

/** Whether a path of the archive goes along with one of the moves. */
export const isCovered = (path: string, moves: readonly Move[]): boolean =>
  moves.some(({ part }) => path === part || path.startsWith(`${part}/`));
