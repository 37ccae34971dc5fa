// What a restore into a home would change: which paths are installed, and which are moved to the trash for them.
import { lstatSync } from "node:fs";
import { hashFile } from "../../files/hash-file.ts";
import { listMounts } from "../../files/mounts.ts";
import { joinPath, osPath } from "../../files/os-path.ts";
import { toFileError } from "../../files/errors.ts";
import { belowRoot, walk } from "../../files/walk.ts";
import type { ListingLine } from "../../formats/repository/listing.ts";
import type { Manifest } from "../../formats/repository/manifest.ts";
import { isThere } from "../../journal/move.ts";
import type { OpenPlace } from "../../places/detect-source.ts";

/** A file or a directory to be installed. */
export interface PendingInstall {
  /** Below the directory in which it is staged. */
  readonly from: string;
  /** Absolute. */
  readonly to: string;
  readonly bytes: number;
  /** What lies beside it under its name with one of SIDECARS belongs to it. */
  readonly isDatabase: boolean;
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

/** What belongs to a database file, by the end of its name. */
export const SIDECARS = ["-wal", "-shm", "-journal"];

const TOOLKIT = ".agh-toolkit";

/** Whether no restore touches a path of the home, or what lies below it. */
export function isUntouched({ home, source }: Pick<OpenPlace, "home" | "source">, path: string): boolean {
  const [name] = path.split("/");
  return name === TOOLKIT || joinPath(home.root, name!) === source.daemonLock?.(home);
}

/**
 * The whole home: what the snapshot's classes hold goes, what it has comes. What it never took stays. A directory that is a mount point, or
 * has one below it, stays in its place, and what lies in it is exchanged.
 */
export function planHome(place: OpenPlace, lines: readonly ListingLine[], manifest: Manifest): InPlacePlan {
  const { home, source } = place;
  const fixed = listFixedDirectories(home.root, lines);
  const installs = listUnits(home.root, lines, fixed);
  const installed = new Set(installs.map(({ from }) => from));
  const aside: string[] = [];
  for (const { path: name, type } of walk(home.root, {
    enter: ({ path: at }) => at === "" || fixed.has(at),
    unreadable: failingIn(home.root),
  })) {
    if (name === "" || fixed.has(name) || isUntouched(place, name)) continue;
    const { class: of, never } = source.classify("home", name, type);
    const isSidecar = SIDECARS.some((suffix) => name.endsWith(suffix) && installed.has(name.slice(0, -suffix.length)));
    const isReplaced = installed.has(name) || isSidecar || (never === undefined && manifest.classes.includes(of));
    if (isReplaced) aside.push(name);
  }
  const kept = listKeptPaths(aside, place, lines, manifest);
  return { installs, aside: aside.map((name) => joinPath(home.root, name)), kept };
}

/** Directories of the home that cannot be moved since something is mounted on them or below them. */
function listFixedDirectories(root: string, lines: readonly ListingLine[]): ReadonlySet<string> {
  const files = new Set(lines.flatMap(({ path, type }) => (type === "directory" ? [] : [path])));
  const fixed = new Set<string>();
  for (const { path } of listMounts()) {
    let at = path.startsWith(`${root}/`) ? path.slice(root.length + 1) : "";
    if (at !== "" && !isDirectory(joinPath(root, at))) at = parentOf(at); // a file, which cannot be replaced
    for (; at !== ""; at = parentOf(at)) if (!files.has(at)) fixed.add(at);
  }
  return fixed;
}

const isDirectory = (path: string): boolean =>
  lstatSync(osPath(path), { throwIfNoEntry: false })?.isDirectory() === true;

const parentOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf("/")));

/** What is moved as a whole: the highest path above one, or itself, that is not fixed; undefined for what is fixed. */
function unitOf(path: string, fixed: ReadonlySet<string>): string | undefined {
  for (let end = path.indexOf("/"); end >= 0; end = path.indexOf("/", end + 1)) {
    if (!fixed.has(path.slice(0, end))) return path.slice(0, end);
  }
  return path === "" || fixed.has(path) ? undefined : path;
}

/** What the snapshot has at the top of the home and of fixed directories, with all below it. */
function listUnits(root: string, lines: readonly ListingLine[], fixed: ReadonlySet<string>): PendingInstall[] {
  const bytes = new Map<string, number>();
  const databases = new Set<string>();
  for (const { path, size = 0, database } of lines) {
    const name = unitOf(path, fixed);
    if (name === undefined) continue;
    bytes.set(name, (bytes.get(name) ?? 0) + size);
    if (database) databases.add(path);
  }
  return [...bytes].map(([name, size]) => ({
    from: name,
    to: joinPath(root, name),
    bytes: size,
    isDatabase: databases.has(name),
  }));
}

function parentsOf(path: string): string[] {
  const parents: string[] = [];
  for (let at = parentOf(path); at !== ""; at = parentOf(at)) parents.push(at);
  return parents;
}

/**
 * Links, sockets, locks and classes that were left out, in directories that come back. What lay in a directory that the
 * snapshot does not know goes with it.
 */
function listKeptPaths(
  aside: readonly string[],
  { home, source }: OpenPlace,
  lines: readonly ListingLine[],
  { classes }: Manifest,
): KeptPath[] {
  const entryTypes = new Map(lines.map(({ path, type }) => [path, type]));
  const kept: KeptPath[] = [];
  const moved = new Set(aside);
  const above = new Set(["", ...aside.flatMap(parentsOf)]);
  const isBelow = (path: string): boolean => parentsOf(path).some((one) => moved.has(one));
  const enter = ({ path }: { readonly path: string }): boolean =>
    above.has(path) || (entryTypes.get(path) === "directory" && (moved.has(path) || isBelow(path)));
  for (const { path, type } of walk(home.root, { enter, unreadable: failingIn(home.root) })) {
    if (!isBelow(path) || entryTypes.has(path) || isSidecarOf(entryTypes, path)) continue;
    const { class: of, never } = source.classify("home", path, type);
    if (never === undefined && classes.includes(of)) continue;
    kept.push({ path: joinPath(home.root, path), reason: never ?? `the snapshot does not include ${of}` });
  }
  return kept;
}

/** Of a database that stays its sidecars stay as well. */
const isSidecarOf = (entries: ReadonlyMap<string, unknown>, path: string): boolean =>
  SIDECARS.some((suffix) => path.endsWith(suffix) && entries.has(path.slice(0, -suffix.length)));

const failingIn =
  (root: string) =>
  (path: string, error: NodeJS.ErrnoException): never => {
    throw toFileError(belowRoot(root, path), "read", error);
  };

/** File by file: those that are not as they were. Nothing else goes. */
export function planFiles(root: string, lines: readonly ListingLine[]): InPlacePlan {
  const installs: PendingInstall[] = [];
  const aside: string[] = [];
  for (const line of lines) {
    if (line.type !== "file") continue;
    const to = joinPath(root, line.path);
    const isDatabase = line.database !== undefined;
    const sidecars = isDatabase ? SIDECARS.map((suffix) => to + suffix).filter(isThere) : [];
    if (isThere(to)) {
      if (sidecars.length === 0 && !line.database?.wal && hashFile(to, line.size) === line.sha256) continue;
      aside.push(to);
    }
    aside.push(...sidecars);
    installs.push({ from: line.path, to, bytes: line.size ?? 0, isDatabase });
  }
  return { installs, aside };
}
