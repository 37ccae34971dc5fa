// What a restore into a home would change: which paths come, and which go to the trash for them.
import { lstatSync, readdirSync } from "node:fs";
import { digestOf } from "../files/digest.ts";
import { joinPath, osPath } from "../files/os-path.ts";
import { fileTrouble } from "../files/trouble.ts";
import { belowRoot, walk } from "../files/walk.ts";
import type { Line } from "../formats/listing.ts";
import type { Manifest } from "../formats/manifest.ts";
import type { OpenPlace } from "../places/source-of.ts";
import { refusal } from "../records/error.ts";
import { readEvents } from "../sources/agh/databases.ts";
import { digestEvents } from "../sources/agh/event-digest.ts";
import { EVENTS, META, sessionDir } from "../sources/agh/layout.ts";
import type { Deps } from "../records/deps.ts";

/** A file or a directory that comes. */
export interface Arrival {
  /** Below the directory in which it is staged. */
  readonly from: string;
  /** Absolute. */
  readonly to: string;
  readonly bytes: number;
}

/** What no snapshot of this kind holds: it stays where it is, though the directory around it is another one. */
export interface Keeping {
  /** Absolute. */
  readonly path: string;
  readonly reason: string;
}

export interface IntoPlan {
  readonly arrivals: readonly Arrival[];
  /** Absolute paths that go to the trash. */
  readonly aside: readonly string[];
  /** Of what lies below `aside`. */
  readonly kept?: readonly Keeping[];
}

export const isThere = (path: string): boolean => lstatSync(osPath(path), { throwIfNoEntry: false }) !== undefined;

/** What belongs to a database file, by the end of its name. */
export const SIDECARS = ["-wal", "-shm", "-journal"];

/** Names in a home that no restore touches. */
const OWN: ReadonlySet<string> = new Set([".agh-toolkit", "daemon.lock"]);

/** The whole home: what the snapshot's classes hold goes, what it has comes. What it never took stays. */
export function wholePlan({ home, source }: OpenPlace, lines: readonly Line[], manifest: Manifest): IntoPlan {
  const bytes = new Map<string, number>();
  for (const { path, size = 0 } of lines) {
    const [name] = path.split("/");
    if (name) bytes.set(name, (bytes.get(name) ?? 0) + size);
  }
  const aside = readdirSync(osPath(home.root), { withFileTypes: true }).flatMap((entry) => {
    if (OWN.has(entry.name)) return [];
    const { class: of, never } = source.classify("home", entry.name, entry.isDirectory() ? "directory" : "file");
    const isSidecar = SIDECARS.some(
      (suffix) => bytes.has(entry.name.slice(0, -suffix.length)) && entry.name.endsWith(suffix),
    );
    const goes = bytes.has(entry.name) || isSidecar || (never === undefined && manifest.classes.includes(of));
    return goes ? [entry.name] : [];
  });
  const arrivals = [...bytes].map(([name, size]) => ({ from: name, to: joinPath(home.root, name), bytes: size }));
  const kept = keptBelow(aside, { home, source }, lines, manifest);
  return { arrivals, aside: aside.map((name) => joinPath(home.root, name)), kept };
}

/**
 * Links, sockets, locks and classes that were left out, in directories that come back. What lay in a directory that the
 * snapshot does not know goes with it.
 */
function keptBelow(
  names: readonly string[],
  { home, source }: Pick<OpenPlace, "home" | "source">,
  lines: readonly Line[],
  { classes }: Manifest,
): Keeping[] {
  const come = new Map(lines.map(({ path, type }) => [path, type]));
  const kept: Keeping[] = [];
  const unreadable = (path: string, error: NodeJS.ErrnoException): never => {
    throw fileTrouble(belowRoot(home.root, path), "read", error);
  };
  const enter = ({ path }: { readonly path: string }): boolean => come.get(path) === "directory";
  for (const { path, type } of walk(home.root, { only: names, enter, unreadable })) {
    const slash = path.lastIndexOf("/");
    if (slash < 0 || come.has(path) || SIDECARS.some((suffix) => path.endsWith(suffix))) continue;
    const { class: of, never } = source.classify("home", path, type);
    if (never === undefined && classes.includes(of)) continue;
    kept.push({ path: joinPath(home.root, path), reason: never ?? `the snapshot was made without ${of}` });
  }
  return kept;
}

/** File by file: those that are not as they were. Nothing else goes. */
export function filesPlan(root: string, lines: readonly Line[]): IntoPlan {
  const arrivals: Arrival[] = [];
  const aside: string[] = [];
  for (const line of lines) {
    if (line.type !== "file") continue;
    const to = joinPath(root, line.path);
    const sidecars = line.database ? SIDECARS.map((suffix) => to + suffix).filter(isThere) : [];
    if (isThere(to)) {
      if (sidecars.length === 0 && !line.database?.wal && digestOf(to, line.size) === line.sha256) continue;
      aside.push(to);
    }
    aside.push(...sidecars);
    arrivals.push({ from: line.path, to, bytes: line.size ?? 0 });
  }
  return { arrivals, aside };
}

/** A part of a session: staged at `from`, for `to`. */
export interface StagedPart {
  readonly from: string;
  readonly to: string;
  readonly bytes: number;
}

interface SessionPlan {
  readonly dir: string;
  readonly id: string;
  readonly root: string;
  readonly parts: readonly StagedPart[];
  readonly replace: boolean;
}

/** What is there and the same stays; what is there and differs goes with `replace`, else → E_EXISTS (4). */
export function sessionPlan({ dir, id, root, parts, replace }: SessionPlan, deps: Deps): IntoPlan {
  const arrivals: Arrival[] = [];
  const aside: string[] = [];
  for (const part of parts) {
    const staged = joinPath(dir, part.from);
    if (isThere(part.to)) {
      const same = part.to === sessionDir(root, id) ? sameSession(staged, part.to, deps) : sameFiles(staged, part.to);
      if (same) continue;
      if (!replace) {
        throw refusal(
          "E_EXISTS",
          `${part.to} is there and is not what was backed up`,
          "--replace moves it to the trash",
        );
      }
      aside.push(part.to);
    }
    arrivals.push(part);
  }
  return { arrivals, aside };
}

function sameSession(staged: string, there: string, deps: Deps): boolean {
  if (digestOf(joinPath(staged, META)) !== digestOf(joinPath(there, META))) return false;
  if (!isThere(joinPath(staged, EVENTS)) || !isThere(joinPath(there, EVENTS))) return false;
  const [a, b] = [readEvents(staged, deps, digestEvents), readEvents(there, deps, digestEvents)];
  return a.sha256 === b.sha256 && a.count === b.count;
}

/** A file, or a directory of files. */
function sameFiles(staged: string, there: string): boolean {
  const isDirectory = (path: string): boolean => lstatSync(osPath(path)).isDirectory();
  if (isDirectory(staged) !== isDirectory(there)) return false;
  if (!isDirectory(staged)) return digestOf(staged) === digestOf(there);
  return readdirSync(osPath(staged)).every(
    (name) => digestOf(joinPath(staged, name)) === digestOf(joinPath(there, name)),
  );
}
