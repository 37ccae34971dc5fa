// What the file system knows of sessions: directories with their metas, ledgers, archives, tombstones.
import { existsSync, readdirSync, statSync, type Dirent, type Stats } from "node:fs";
import { joinPath, osPath } from "../../../files/os-path.ts";
import { alternativeId, receiptKey } from "../../../formats/archive/receipt.ts";
import { toFileError } from "../../../files/errors.ts";
import {
  EVENTS,
  LEDGER,
  META,
  archiveDir,
  isId,
  metaFile,
  sessionDir,
  sessionsDir,
  tombstonesDir,
} from "../home/layout.ts";
import { readMeta, type Meta } from "./meta.ts";

/** A directory that is a session's; without a meta that AGH would accept, its own name is taken for the id. */
export interface SessionDir {
  readonly id: string;
  readonly name: string;
  readonly path: string;
  readonly meta?: Meta;
  readonly problem?: string;
}

/** Names below `sessions/`: those of sessions, and the partitions that hold ledgers only; both sorted. */
export interface SessionNames {
  readonly sessions: readonly string[];
  readonly partitions: readonly string[];
}

const SESSION_NAME = /^sess-[0-9a-f]{16}$/;

/** Reads one directory; a name of another form than AGH's is looked into. */
export function listSessionNames(root: string): SessionNames {
  const [sessions, partitions]: [string[], string[]] = [[], []];
  for (const { name } of directories(sessionsDir(root))) {
    const isSession = SESSION_NAME.test(name) || holds(sessionDir(root, name), META, EVENTS);
    (isSession ? sessions : partitions).push(name);
  }
  return { sessions, partitions };
}

/** Session directories in order of name. AGH trusts the meta's id; a second directory with the same id is ignored. */
export function* readSessionDirs(root: string, names: readonly string[]): Generator<SessionDir, void, undefined> {
  for (const name of names) {
    const read = readMeta(metaFile(root, name));
    const path = sessionDir(root, name);
    yield "meta" in read ? { id: read.meta.id, name, path, meta: read.meta } : { id: name, name, path, ...read };
  }
}

/** Session id to ledger file. `partitions` are those of `sessions/`; a ledger root elsewhere is read on its own. */
export function listLedgerFiles(
  root: string,
  ledgerRoot: string,
  partitions: readonly string[],
): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  const names = ledgerRoot === sessionsDir(root) ? partitions : directories(ledgerRoot).map(({ name }) => name);
  for (const partition of names) {
    const dir = joinPath(ledgerRoot, partition);
    for (const { name } of directories(dir)) files.set(name, joinPath(joinPath(dir, name), LEDGER));
  }
  return files;
}

/** Where runs of ours stage what they write beside archives: no session's. */
const STAGING = /^(?:\.|agh-toolkit-)/;

/** Session id to what lies in `session-archive`: a directory or tar that was moved there, or an archive of agh-archive. */
export function listArchivedSessions(root: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const all = entries(archiveDir(root));
  const names = new Set(all.map(({ name }) => name));
  for (const entry of all) {
    if (STAGING.test(entry.name)) continue;
    const named = isDirectoryEntry(archiveDir(root), entry)
      ? entry.name
      : /^(.+)\.(?:tar|tar\.gz|tgz|tar\.zst)$/.exec(entry.name)?.[1];
    const owner = alternativeId(named ?? "");
    const id = owner !== undefined && names.has(receiptKey(owner)) ? owner : named;
    if (isId(id)) found.set(id, joinPath(archiveDir(root), entry.name));
  }
  return found;
}

/** Ids of sessions that agh-vacuum retired. */
export function listTombstones(root: string): ReadonlySet<string> {
  const names = entries(tombstonesDir(root)).map(({ name }) => /^(.+)\.json$/.exec(name)?.[1]);
  return new Set(names.filter((name) => isId(name)));
}

/** Size of a regular file; undefined when there is none. */
export const statSize = (file: string): number | undefined => statFile(file)?.size;

/** Undefined when there is no regular file. */
export function statFile(file: string): Stats | undefined {
  const stats = statSync(osPath(file), { throwIfNoEntry: false });
  return stats?.isFile() ? stats : undefined;
}

const holds = (dir: string, ...names: readonly string[]): boolean =>
  names.some((name) => existsSync(osPath(joinPath(dir, name))));

const directories = (dir: string): Dirent[] => entries(dir).filter((entry) => isDirectoryEntry(dir, entry));

/** AGH follows a link in a directory's place. */
const isDirectoryEntry = (dir: string, entry: Dirent): boolean =>
  entry.isDirectory() || (entry.isSymbolicLink() && isDirectory(joinPath(dir, entry.name)));

/** Sorted by name; [] where there is no such directory. */
function entries(dir: string): Dirent[] {
  try {
    const found = readdirSync(osPath(dir), { withFileTypes: true });
    return found.sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return [];
    throw toFileError(dir, "list", error);
  }
}

/** The meta within a directory that was moved to session-archive by hand. */
export function readArchivedMeta(path: string): Meta | undefined {
  const read = readMeta(joinPath(path, META));
  return "meta" in read ? read.meta : undefined;
}

/** The directory of a session: that of its name, unless the meta in it says otherwise, else one whose meta bears the id. */
export function findSessionDir(root: string, id: string): string | undefined {
  const own = isId(id) ? [...readSessionDirs(root, [id])][0] : undefined;
  if (own?.id === id && isDirectory(own.path)) return own.path;
  for (const dir of readSessionDirs(root, listSessionNames(root).sessions)) if (dir.id === id) return dir.path;
  return undefined;
}

function isDirectory(path: string): boolean {
  try {
    return statSync(osPath(path), { throwIfNoEntry: false })?.isDirectory() === true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ELOOP") return false;
    throw toFileError(path, "look at", error);
  }
}
