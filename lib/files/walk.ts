// Every path below a directory, depth first, names sorted: the one order in which listings are written and compared.
import { constants, fstatSync, lstatSync, openSync, closeSync, readdirSync, type BigIntStats } from "node:fs";
import { fromOsBytes, joinPath, osPath } from "./os-path.ts";

export type PathType = "file" | "directory" | "symlink" | "socket" | "fifo" | "device";

/** One path as the walk met it. */
export interface WalkEntry {
  /** Below the directory that is walked, `/`-separated; "" is that directory itself. */
  readonly path: string;
  readonly type: PathType;
  readonly stat: BigIntStats;
  /** The names in its directory, itself among them. */
  readonly siblings: readonly string[];
}

/** What is kept of very many of them. */
export interface PathFacts {
  readonly path: string;
  readonly type: PathType;
  readonly stat: Pick<BigIntStats, "dev" | "ino" | "mode" | "nlink" | "size" | "mtimeNs" | "ctimeNs">;
}

export interface WalkOptions {
  /** Whether to go into a directory; asked after it was yielded. */
  readonly enter?: (found: WalkEntry) => boolean;
  /** A path that could not be looked at; one that vanished is none. */
  readonly unreadable?: (path: string, error: NodeJS.ErrnoException) => void;
  /** The names in the directory yielded last, sorted, where they are known; else they are read. */
  readonly names?: (found: WalkEntry) => readonly string[] | undefined;
  /** Only these names of the top directory; it itself is not yielded then. */
  readonly only?: readonly string[];
}

/** Walks without following anything. Costs one lstat a path, and one readdir a directory whose names are not known. */
export function* walk(root: string, options: WalkOptions = {}): Generator<WalkEntry, void, undefined> {
  if (options.only) {
    const names = readNames(root, "", options).filter((name) => options.only!.includes(name));
    for (const name of names) yield* visit({ root, path: name, siblings: names, options });
  } else yield* visit({ root, path: "", siblings: [], options });
}

interface Visit {
  readonly root: string;
  readonly path: string;
  readonly siblings: readonly string[];
  readonly options: WalkOptions;
}

// A stack instead of recursion: `yield*` through every level would cost more than the system calls.
function* visit({ root, path, siblings, options }: Visit): Generator<WalkEntry, void, undefined> {
  const top = statEntry(root, path, siblings, options);
  if (!top) return;
  yield top;
  const open: { path: string; names: readonly string[]; next: number }[] = [];
  if (goesInto(top, options)) open.push({ path, names: namesToVisit(root, top, options), next: 0 });
  while (open.length > 0) {
    const level = open[open.length - 1]!;
    const name = level.names[level.next++];
    if (name === undefined) {
      open.pop();
      continue;
    }
    const found = statEntry(root, level.path === "" ? name : `${level.path}/${name}`, level.names, options);
    if (!found) continue;
    yield found;
    if (goesInto(found, options)) {
      open.push({ path: found.path, names: namesToVisit(root, found, options), next: 0 });
    }
  }
}

const goesInto = (found: WalkEntry, { enter }: WalkOptions): boolean =>
  found.type === "directory" && (enter === undefined || enter(found));

const namesToVisit = (root: string, found: WalkEntry, options: WalkOptions): readonly string[] =>
  options.names?.(found) ?? readNames(root, found.path, options);

const BIG = { bigint: true, throwIfNoEntry: false } as const;

function statEntry(
  root: string,
  path: string,
  siblings: readonly string[],
  options: WalkOptions,
): WalkEntry | undefined {
  try {
    const stat = lstatSync(osPath(belowRoot(root, path)), BIG);
    return stat && { path, type: typeOf(stat), stat, siblings };
  } catch (error) {
    return unreadable(path, error, options);
  }
}

function readNames(root: string, path: string, options: WalkOptions): readonly string[] {
  const dir = osPath(belowRoot(root, path));
  try {
    const names = readdirSync(dir);
    // U+FFFD stands for bytes that are no UTF-8 (or for itself): read them as they are.
    if (!names.some((name) => name.includes("\ufffd"))) return names.sort();
    return readdirSync(dir, { encoding: "buffer" }).map(fromOsBytes).sort();
  } catch (error) {
    unreadable(path, error, options);
    return [];
  }
}

function unreadable(path: string, error: unknown, options: WalkOptions): undefined {
  const { code } = error as NodeJS.ErrnoException;
  if (code === "ENOENT" || code === "ENOTDIR") return; // gone between readdir and lstat
  if (code === undefined || !options.unreadable) throw error;
  options.unreadable(path, error as NodeJS.ErrnoException);
}

/** Names in a directory, sorted; [] where there is none. */
export const listNames = (dir: string): readonly string[] => readNames(dir, "", {});

/** The absolute path of what a walk of `root` found. */
export const belowRoot = (root: string, path: string): string => (path === "" ? root : joinPath(root, path));

const TYPES: { readonly [format: number]: PathType } = {
  [constants.S_IFREG]: "file",
  [constants.S_IFDIR]: "directory",
  [constants.S_IFLNK]: "symlink",
  [constants.S_IFSOCK]: "socket",
  [constants.S_IFIFO]: "fifo",
};

const typeOf = ({ mode }: BigIntStats): PathType => TYPES[Number(mode) & constants.S_IFMT] ?? "device";

/** Where `a` stands to `b` in a walk: by names, not by characters, so that `/` comes before everything. */
export function comparePaths(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at++) {
    const [x, y] = [a.charCodeAt(at), b.charCodeAt(at)];
    if (x !== y) return x === SLASH ? -1 : y === SLASH ? 1 : x - y;
  }
  return a.length - b.length;
}

const SLASH = 0x2f;

/**
 * Opens a regular file for reading, following no link; undefined when it is gone or has become something else.
 * Never for a database that this process holds open in SQLite: closing would drop its locks.
 */
export function openRegularFile(path: string): { readonly fd: number; readonly stat: BigIntStats } | undefined {
  let fd: number;
  try {
    fd = openSync(osPath(path), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR" || code === "ELOOP" || code === "ENXIO") return undefined;
    throw error;
  }
  const stat = fstatSync(fd, { bigint: true });
  if (stat.isFile()) return { fd, stat };
  closeSync(fd);
  return undefined;
}
