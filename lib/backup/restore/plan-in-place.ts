// What a restore into a home would change: which paths are installed, and which are moved to the trash for them.
import { hashFile } from "../../files/hash-file.ts";
import { joinPath } from "../../files/os-path.ts";
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

/** The whole home: what the snapshot's classes hold goes, what it has comes. What it never took stays. */
export function planHome(place: OpenPlace, lines: readonly ListingLine[], manifest: Manifest): InPlacePlan {
  const { home, source } = place;
  const installs = listTopPaths(home.root, lines);
  const installed = new Set(installs.map(({ from }) => from));
  const aside: string[] = [];
  for (const { path: name, type } of walk(home.root, {
    enter: ({ path: at }) => at === "",
    unreadable: failingIn(home.root),
  })) {
    if (name === "" || isUntouched(place, name)) continue;
    const { class: of, never } = source.classify("home", name, type);
    const isSidecar = SIDECARS.some((suffix) => name.endsWith(suffix) && installed.has(name.slice(0, -suffix.length)));
    const isReplaced = installed.has(name) || isSidecar || (never === undefined && manifest.classes.includes(of));
    if (isReplaced) aside.push(name);
  }
  const kept = listKeptPaths(aside, place, lines, manifest);
  return { installs, aside: aside.map((name) => joinPath(home.root, name)), kept };
}

/** What lies at the top of the home in the snapshot, with all below it. */
function listTopPaths(root: string, lines: readonly ListingLine[]): PendingInstall[] {
  const bytes = new Map<string, number>();
  const databases = new Set<string>();
  for (const { path, size = 0, database } of lines) {
    const [name] = path.split("/");
    if (!name) continue;
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

/**
 * Links, sockets, locks and classes that were left out, in directories that come back. What lay in a directory that the
 * snapshot does not know goes with it.
 */
function listKeptPaths(
  names: readonly string[],
  { home, source }: OpenPlace,
  lines: readonly ListingLine[],
  { classes }: Manifest,
): KeptPath[] {
  const entryTypes = new Map(lines.map(({ path, type }) => [path, type]));
  const kept: KeptPath[] = [];
  const enter = ({ path }: { readonly path: string }): boolean => entryTypes.get(path) === "directory";
  for (const { path, type } of walk(home.root, { only: names, enter, unreadable: failingIn(home.root) })) {
    const slash = path.lastIndexOf("/");
    if (slash < 0 || entryTypes.has(path) || isSidecarOf(entryTypes, path)) continue;
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
