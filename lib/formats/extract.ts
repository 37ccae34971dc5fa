// Lays a snapshot out below a directory: its home right there, what lay outside under `.agh-toolkit/outside/<root>`.
import { chmodSync, lstatSync, mkdirSync, utimesSync } from "node:fs";
import { dirname } from "node:path";
import { joinPath, osPath } from "../files/os-path.ts";
import { fileTrouble } from "../files/trouble.ts";
import type { Deps } from "../records/deps.ts";
import { placeError } from "../records/error.ts";
import type { ChunkIndex } from "./chunk-index.ts";
import { seconds, type Fault, type FileJob } from "./extract-file.ts";
import { ExtractTeam } from "./extract-team.ts";
import { chunksOf, type Line } from "./listing.ts";
import type { Manifest } from "./manifest.ts";
import type { Part } from "./pack-reader.ts";
import type { Repository } from "./repository.ts";
import { linesOf } from "./snapshots.ts";

const OUTSIDE = ".agh-toolkit/outside";

export interface Extract {
  readonly repo: Repository;
  readonly manifest: Manifest;
  /** Exists, and nobody else writes below it. */
  readonly dir: string;
  /** Which lines; all unless given. Directories above them are made. */
  readonly only?: ((line: Line) => boolean) | undefined;
}

export interface Extracted {
  readonly files: number;
  readonly directories: number;
  readonly bytes: number;
  readonly faults: readonly Fault[];
}

/**
 * Writes files, checks every chunk, folds WALs in. Modes and times of directories come with `settle`, after whatever
 * the caller still does below `dir`. Nothing is synced. Throws (6) when the disk refuses.
 */
export async function extract({ repo, manifest, dir, only }: Extract, deps: Deps): Promise<Extracted> {
  repo.requireIdentity();
  const index = await repo.index();
  const done = { files: 0, directories: 0, bytes: 0 };
  await using team = new ExtractTeam(repo, manifest.totals.bytes);
  for await (const line of linesOf(repo, manifest)) {
    deps.signal.throwIfAborted();
    if (only && !only(line)) continue;
    const path = placeOf(dir, line);
    if (line.type === "directory") {
      makeDirectory(path);
      done.directories++;
      continue;
    }
    if (only || line.root !== "home") makeDirectory(dirname(path));
    const job = jobOf(line, path, index);
    if (job) await team.give(job);
    else team.faults.push({ path, code: "CHUNK_DAMAGED", message: "no index knows all of its chunks" });
    done.files++;
    done.bytes += line.size ?? 0;
    deps.progress.update({ label: "written", done: done.bytes, total: manifest.totals.bytes, unit: "bytes" });
  }
  await team.finish();
  return { ...done, faults: team.faults };
}

/** Gives directories their modes and times: those below `dir`, or `dir` itself. */
export async function settle({ repo, manifest, dir, only }: Extract, which: "below" | "top"): Promise<void> {
  // What its owner may not enter comes last, innermost first.
  const closed: [path: string, line: Line][] = [];
  for await (const line of linesOf(repo, manifest)) {
    const isTop = line.root === "home" && line.path === "";
    if (line.type !== "directory" || isTop !== (which === "top") || (only && !only(line))) continue;
    const path = placeOf(dir, line);
    if ((Number.parseInt(line.mode, 8) & 0o300) === 0o300) settleOne(path, line);
    else closed.unshift([path, line]);
  }
  for (const [path, line] of closed) settleOne(path, line);
}

function settleOne(path: string, { mode, mtime_ns }: Line): void {
  const time = seconds(mtime_ns);
  utimesSync(osPath(path), time, time);
  chmodSync(osPath(path), modeOf(mode));
}

/** Nothing restored is setuid, setgid or sticky. */
const modeOf = (mode: string): number => Number.parseInt(mode, 8) & 0o777;

const ROOT = /^(?:home|ledgers|memory|storage|ws\/(?!\.{1,2}$)[A-Za-z0-9._-]{1,128})$/;

/** Where a line goes. A listing may come from a hostile hand: a path that leads elsewhere is refused (6). */
function placeOf(dir: string, { root, path }: Line): string {
  const names = path === "" ? [] : path.split("/");
  if (!ROOT.test(root) || names.some((name) => name === "" || name === "." || name === ".." || name.includes("\0"))) {
    throw placeError(
      "E_HOSTILE_PATH",
      `the listing names a path that leads elsewhere: ${JSON.stringify(`${root}/${path}`)}`,
    );
  }
  const base = root === "home" ? dir : `${dir}/${OUTSIDE}/${root}`;
  return path === "" ? base : joinPath(base, path);
}

function makeDirectory(path: string): void {
  try {
    mkdirSync(osPath(path), { recursive: true, mode: 0o700 });
    const stat = lstatSync(osPath(path));
    if (!stat.isDirectory()) throw placeError("E_EXISTS", `${path} is no directory`);
    if ((stat.mode & 0o700) !== 0o700) chmodSync(osPath(path), 0o700); // an interrupted run had settled it
  } catch (error) {
    throw fileTrouble(path, "make", error);
  }
}

/** Undefined when a chunk is unknown. */
function jobOf(line: Line, path: string, index: ChunkIndex): FileJob | undefined {
  const parts = locate(chunksOf(line), index);
  const wal = line.database?.wal && locate(line.database.wal.chunks, index);
  if (!parts || (line.database?.wal && !wal)) return undefined;
  return {
    path,
    mode: modeOf(line.mode),
    mtimeNs: line.mtime_ns,
    parts,
    ...(wal && { wal, lastSequence: line.database?.last_sequence ?? null }),
  };
}

function locate(chunks: readonly string[], index: ChunkIndex): Part[] | undefined {
  const parts: Part[] = [];
  for (const sha256 of chunks) {
    const place = index.find(sha256);
    if (!place) return undefined;
    parts.push({ sha256, ...place });
  }
  return parts;
}
