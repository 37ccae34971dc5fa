// What a restore into a home would change: which paths are installed, and which are moved to the trash for them.
import { lstatSync, readdirSync } from "node:fs";
import { hashFile } from "../../files/hash-file.ts";
import { joinPath, osPath } from "../../files/os-path.ts";
import { toFileError } from "../../files/errors.ts";
import { belowRoot, walk } from "../../files/walk.ts";
import type { ListingLine } from "../../formats/repository/listing.ts";
import type { Manifest } from "../../formats/repository/manifest.ts";
import type { OpenPlace } from "../../places/detect-source.ts";
import { refusal } from "../../records/error.ts";
import { readEvents } from "../../sources/agh/home/databases.ts";
import { digestEvents } from "../../sources/agh/events/event-digest.ts";
import { EVENTS, META, sessionDir } from "../../sources/agh/home/layout.ts";
import type { Deps } from "../../records/deps.ts";

/** A file or a directory to be installed. */
export interface PendingInstall {
  /** Below the directory in which it is staged. */
  readonly from: string;
  /** Absolute. */
  readonly to: string;
  readonly bytes: number;
}

/** What no snapshot of this kind holds: it stays where it is, though the directory around it is another one. */
export interface KeptPath {
  /** Absolute. */
  readonly path: string;
  readonly reason: string;
}

export interface InPlacePlan {
  readonly installs: readonly PendingInstall[];
  /** Absolute paths that go to the trash. */
  readonly aside: readonly string[];
  /** Of what lies below `aside`. */
  readonly kept?: readonly KeptPath[];
}

export const pathExists = (path: string): boolean => lstatSync(osPath(path), { throwIfNoEntry: false }) !== undefined;

/** What belongs to a database file, by the end of its name. */
export const SIDECARS = ["-wal", "-shm", "-journal"];

/** Names in a home that no restore touches. */
const UNTOUCHED: ReadonlySet<string> = new Set([".agh-toolkit", "daemon.lock"]);

/** The whole home: what the snapshot's classes hold goes, what it has comes. What it never took stays. */
export function planHome({ home, source }: OpenPlace, lines: readonly ListingLine[], manifest: Manifest): InPlacePlan {
  const bytes = new Map<string, number>();
  for (const { path, size = 0 } of lines) {
    const [name] = path.split("/");
    if (name) bytes.set(name, (bytes.get(name) ?? 0) + size);
  }
  const aside = readdirSync(osPath(home.root), { withFileTypes: true }).flatMap((entry) => {
    if (UNTOUCHED.has(entry.name)) return [];
    const { class: of, never } = source.classify("home", entry.name, entry.isDirectory() ? "directory" : "file");
    const isSidecar = SIDECARS.some(
      (suffix) => bytes.has(entry.name.slice(0, -suffix.length)) && entry.name.endsWith(suffix),
    );
    const isReplaced = bytes.has(entry.name) || isSidecar || (never === undefined && manifest.classes.includes(of));
    return isReplaced ? [entry.name] : [];
  });
  const installs = [...bytes].map(([name, size]) => ({ from: name, to: joinPath(home.root, name), bytes: size }));
  const kept = listKeptPaths(aside, { home, source }, lines, manifest);
  return { installs, aside: aside.map((name) => joinPath(home.root, name)), kept };
}

/**
 * Links, sockets, locks and classes that were left out, in directories that come back. What lay in a directory that the
 * snapshot does not know goes with it.
 */
function listKeptPaths(
  names: readonly string[],
  { home, source }: Pick<OpenPlace, "home" | "source">,
  lines: readonly ListingLine[],
  { classes }: Manifest,
): KeptPath[] {
  const entryTypes = new Map(lines.map(({ path, type }) => [path, type]));
  const kept: KeptPath[] = [];
  const unreadable = (path: string, error: NodeJS.ErrnoException): never => {
    throw toFileError(belowRoot(home.root, path), "read", error);
  };
  const enter = ({ path }: { readonly path: string }): boolean => entryTypes.get(path) === "directory";
  for (const { path, type } of walk(home.root, { only: names, enter, unreadable })) {
    const slash = path.lastIndexOf("/");
    if (slash < 0 || entryTypes.has(path) || SIDECARS.some((suffix) => path.endsWith(suffix))) continue;
    const { class: of, never } = source.classify("home", path, type);
    if (never === undefined && classes.includes(of)) continue;
    kept.push({ path: joinPath(home.root, path), reason: never ?? `the snapshot does not include ${of}` });
  }
  return kept;
}

/** File by file: those that are not as they were. Nothing else goes. */
export function planFiles(root: string, lines: readonly ListingLine[]): InPlacePlan {
  const installs: PendingInstall[] = [];
  const aside: string[] = [];
  for (const line of lines) {
    if (line.type !== "file") continue;
    const to = joinPath(root, line.path);
    const sidecars = line.database ? SIDECARS.map((suffix) => to + suffix).filter(pathExists) : [];
    if (pathExists(to)) {
      if (sidecars.length === 0 && !line.database?.wal && hashFile(to, line.size) === line.sha256) continue;
      aside.push(to);
    }
    aside.push(...sidecars);
    installs.push({ from: line.path, to, bytes: line.size ?? 0 });
  }
  return { installs, aside };
}

/** A part of a session: staged at `from`, for `to`. */
export interface StagedPart {
  readonly from: string;
  readonly to: string;
  readonly bytes: number;
}

interface SessionPlanOptions {
  readonly dir: string;
  readonly id: string;
  readonly root: string;
  readonly parts: readonly StagedPart[];
  readonly replace: boolean;
}

/** What is there and the same stays; what is there and differs goes with `replace`, else → E_EXISTS (4). */
export function planSession({ dir, id, root, parts, replace }: SessionPlanOptions, deps: Deps): InPlacePlan {
  const installs: PendingInstall[] = [];
  const aside: string[] = [];
  for (const part of parts) {
    const staged = joinPath(dir, part.from);
    if (pathExists(part.to)) {
      const same = part.to === sessionDir(root, id) ? sameSession(staged, part.to, deps) : sameFiles(staged, part.to);
      if (same) continue;
      if (!replace) {
        throw refusal("E_EXISTS", `${part.to} exists and differs from the snapshot`, "--replace moves it to the trash");
      }
      aside.push(part.to);
    }
    installs.push(part);
  }
  return { installs, aside };
}

function sameSession(staged: string, existing: string, deps: Deps): boolean {
  if (hashFile(joinPath(staged, META)) !== hashFile(joinPath(existing, META))) return false;
  if (!pathExists(joinPath(staged, EVENTS)) || !pathExists(joinPath(existing, EVENTS))) return false;
  const [a, b] = [readEvents(staged, deps, digestEvents), readEvents(existing, deps, digestEvents)];
  return a.sha256 === b.sha256 && a.count === b.count;
}

/** A file, or a directory of files. */
function sameFiles(staged: string, existing: string): boolean {
  const isDirectory = (path: string): boolean => lstatSync(osPath(path)).isDirectory();
  if (isDirectory(staged) !== isDirectory(existing)) return false;
  if (!isDirectory(staged)) return hashFile(staged) === hashFile(existing);
  return readdirSync(osPath(staged)).every(
    (name) => hashFile(joinPath(staged, name)) === hashFile(joinPath(existing, name)),
  );
}
