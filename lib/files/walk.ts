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
  /** The text of the symbolic link that stands there; `type` and `stat` are those of what it leads to where it is followed. */
  readonly link?: string;
  /** Why it is neither followed nor entered nor read. */
  readonly fault?: PathFault;
}

/** Why a path is not followed. */
export interface PathFault {
  /** Of the finding: `LINK_LOOP`, … */
  readonly code: string;
  /** In words that go on from "it". */
  readonly reason: string;
}

/** Where a walk is. */
export interface PathPlace {
  /** The directory that is walked. */
  readonly root: string;
  readonly path: string;
  /** The directories that it lies in, outermost first. */
  readonly above: readonly WalkEntry[];
}

/** Which symbolic links a walk follows. */
export interface LinkPolicy {
  follow(link: PathPlace): FollowedLink;
  /** Why what is no link is not to be read. */
  refuse?(found: WalkEntry, place: PathPlace): PathFault | undefined;
}

export type FollowedLink = { readonly text: string } & ({ readonly stat: BigIntStats } | { readonly fault: PathFault });

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
  /** Nothing is followed without it. */
  readonly links?: LinkPolicy | undefined;
}

/** Walks, and follows nothing but what `links` says. Costs one lstat a path, and one readdir a directory whose names are not known. */
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
  const above: WalkEntry[] = [];
  const top = statEntry({ root, path, above }, siblings, options);
  if (!top) return;
  yield top;
  const open: { path: string; names: readonly string[]; next: number }[] = [];
  const enter = (found: WalkEntry): void => {
    open.push({ path: found.path, names: namesToVisit(root, found, options), next: 0 });
    above.push(found);
  };
  if (goesInto(top, options)) enter(top);
  while (open.length > 0) {
    const level = open[open.length - 1]!;
    const name = level.names[level.next++];
    if (name === undefined) {
      open.pop();
      above.pop();
      continue;
    }
    const below = level.path === "" ? name : `${level.path}/${name}`;
    const found = statEntry({ root, path: below, above }, level.names, options);
    if (!found) continue;
    yield found;
    if (goesInto(found, options)) enter(found);
  }
}

const goesInto = (found: WalkEntry, { enter }: WalkOptions): boolean =>
  found.type === "directory" && !found.fault && (enter === undefined || enter(found));

const namesToVisit = (root: string, found: WalkEntry, options: WalkOptions): readonly string[] =>
  options.names?.(found) ?? readNames(root, found.path, options);

const BIG = { bigint: true, throwIfNoEntry: false } as const;

function statEntry(place: PathPlace, siblings: readonly string[], options: WalkOptions): WalkEntry | undefined {
  const { root, path } = place;
  const { links } = options;
  try {
    const stat = lstatSync(osPath(belowRoot(root, path)), BIG);
    if (!stat) return undefined;
    const found = { path, type: typeOf(stat), stat, siblings };
    if (!links) return found;
    if (found.type === "symlink") return followedEntry(found, links.follow(place));
    const fault = links.refuse?.(found, place);
    return fault ? { ...found, fault } : found;
  } catch (error) {
    return unreadable(path, error, options);
  }
}

const followedEntry = (found: WalkEntry, followed: FollowedLink): WalkEntry =>
  "fault" in followed
    ? { ...found, link: followed.text, fault: followed.fault }
    : { ...found, link: followed.text, type: typeOf(followed.stat), stat: followed.stat };

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

export const typeOf = ({ mode }: BigIntStats): PathType => TYPES[Number(mode) & constants.S_IFMT] ?? "device";

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

export interface OpenedFile {
  readonly fd: number;
  readonly stat: BigIntStats;
}

/**
 * Opens a regular file for reading; undefined when it is gone or has become something else. A link is followed only
 * where `follow` says so. Never for a database that this process holds open in SQLite: closing would drop its locks.
 */
export function openRegularFile(path: string, { follow = false } = {}): OpenedFile | undefined {
  let fd: number;
  const flags = constants.O_RDONLY | constants.O_NONBLOCK | (follow ? 0 : constants.O_NOFOLLOW);
  try {
    fd = openSync(osPath(path), flags);
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
