// A session as it lies in the home: what would go, how many bytes that frees, and a fingerprint to know it by later.
import { hash } from "node:crypto";
import { statSync } from "node:fs";
import { basename, dirname } from "node:path";
import type { SessionHome } from "../places/session-home.ts";
import { listArchiveInputs, type ArchiveInput } from "../places/session-parts.ts";
import type { SessionRecord } from "../records/runtime-kinds.ts";
import { osPath } from "../files/os-path.ts";
import { PARTS } from "../formats/archive/receipt.ts";

export interface LocalSession {
  readonly session: SessionRecord;
  readonly id: string;
  readonly dir: string;
  /** The directory that the ledger lies in, and its name below the ledger root. */
  readonly ledgerDir: string | undefined;
  readonly partition: string | null;
  /** Its files and directories and, so that an archive can be held against them, its crash bundles, which stay. */
  readonly files: readonly ArchiveInput[];
  /** What is none of a session's, a socket or a link, with the reason. */
  readonly unexpected: readonly { readonly path: string; readonly reason: string }[];
  /** What its removal gives back; a file that has another name too gives nothing. */
  readonly bytes: number;
  /** Over names, sizes, times and inodes. */
  readonly fingerprint: string;
}

/** Undefined where it has no directory. Nothing is opened. */
export function inspectLocalSession(from: SessionHome, session: SessionRecord): LocalSession | undefined {
  const { id } = session;
  const dir = from.directoryOf(id);
  if (dir === undefined) return undefined;
  const { ledger, partition } = from.ledgerOf(id);
  const { files, leftOut } = listArchiveInputs({ root: from.home.root, id, dir, ledger, bundles: from.bundlesOf(id) });
  const own = files.filter(({ path }) => !path.startsWith(`${PARTS.bundles}/`));
  return {
    session,
    id,
    dir,
    ledgerDir: ledger === undefined ? undefined : dirname(ledger),
    partition,
    files,
    unexpected: leftOut,
    bytes: own.reduce(
      (sum, { found: { type, stat } }) => sum + (type === "file" && stat.nlink === 1n ? Number(stat.size) : 0),
      0,
    ),
    fingerprint: fingerprintOf(own),
  };
}

/** Files of its own, which go with it. */
export const ownFiles = ({ files }: Pick<LocalSession, "files">): ArchiveInput[] =>
  files.filter(({ path, found }) => found.type === "file" && !path.startsWith(`${PARTS.bundles}/`));

/** Whether its ledger lies on another file system, where a rename does not reach. */
export function isLedgerOnOtherDevice({ dir, ledgerDir }: LocalSession): boolean {
  const ledger = ledgerDir === undefined ? undefined : statSync(osPath(ledgerDir), { throwIfNoEntry: false });
  return ledger !== undefined && ledger.dev !== statSync(osPath(dir)).dev;
}

/** Why it cannot go to the trash; a copy would need room that may not be there. */
export const trashRefusal = (session: LocalSession): string | undefined =>
  isLedgerOnOtherDevice(session)
    ? "its ledger is on another file system than the trash: archive the session first, then it is removed at once"
    : undefined;

export const directoryNameOf = ({ dir }: LocalSession): string => basename(dir);

function fingerprintOf(files: readonly ArchiveInput[]): string {
  const lines = files.map(({ path, found: { type, stat } }) =>
    type === "file" ? `${path}\0${stat.ino}\0${stat.size}\0${stat.mtimeNs}\n` : `${path}\0\n`,
  );
  return hash("sha256", lines.join("")).slice(0, 32);
}
