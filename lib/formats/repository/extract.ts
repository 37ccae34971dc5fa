// Lays a snapshot out below a directory: its home right there, what lay outside under `.agh-toolkit/outside/<root>`.
import { chmodSync, lstatSync, mkdirSync, rmSync, symlinkSync, utimesSync } from "node:fs";
import { dirname } from "node:path";
import { joinPath, osPath } from "../../files/os-path.ts";
import { toFileError } from "../../files/errors.ts";
import type { Deps } from "../../records/deps.ts";
import { placeError } from "../../records/error.ts";
import type { ChunkIndex } from "./chunk-index.ts";
import { toUtimesSeconds, type ExtractFault, type ExtractJob } from "./extract-file.ts";
import { ExtractPool } from "./extract-pool.ts";
import { chunksOf, type ListingLine } from "./listing.ts";
import type { Manifest } from "./manifest.ts";
import type { StoredChunk } from "./pack-reader.ts";
import type { Repository } from "./repository.ts";
import { assertListing, readListing } from "./snapshots.ts";

const OUTSIDE = ".agh-toolkit/outside";

export interface ExtractOptions {
  readonly repo: Repository;
  readonly manifest: Manifest;
  /** Exists, and nobody else writes below it. */
  readonly dir: string;
  /** Which lines; all unless given. Directories above them are made. */
  readonly only?: ((line: ListingLine) => boolean) | undefined;
  /** What lay behind a symbolic link is restored as the link; else as its content. */
  readonly links?: boolean | undefined;
}

export interface ExtractResult {
  readonly files: number;
  readonly directories: number;
  readonly bytes: number;
  readonly faults: readonly ExtractFault[];
}

/**
 * Writes files, checks every chunk, folds WALs in. Modes and times of directories come with `settle`, after whatever
 * the caller still does below `dir`. Nothing is synced. Throws (6) when the disk refuses.
 */
export async function extract(options: ExtractOptions, deps: Deps): Promise<ExtractResult> {
  const { repo, manifest, dir, only } = options;
  repo.requireIdentity();
  await assertListing(repo, manifest);
  const index = await repo.index();
  const done = { files: 0, directories: 0, bytes: 0 };
  await using pool = new ExtractPool(repo, manifest.totals.bytes);
  const links = new LinkLines(options);
  for await (const line of readListing(repo, manifest)) {
    deps.signal.throwIfAborted();
    if (only && !only(line)) continue;
    const path = destinationOf(dir, line);
    if (links.has(path, line)) continue;
    if (line.type === "directory") {
      makeDirectory(path);
      done.directories++;
      continue;
    }
    if (only || line.root !== "home") makeDirectory(dirname(path));
    const job = jobOf(line, path, index);
    if ("parts" in job) await pool.dispatch(job);
    else pool.faults.push({ path, ...job });
    done.files++;
    done.bytes += line.size ?? 0;
    deps.progress.update({ label: "written", done: done.bytes, total: manifest.totals.bytes, unit: "bytes" });
  }
  await pool.finish();
  links.make();
  return { ...done, faults: pool.faults };
}

/** Gives directories their modes and times: those below `dir`, or `dir` itself. */
export async function applyDirectoryMetadata(options: ExtractOptions, which: "below" | "top"): Promise<void> {
  const { repo, manifest, dir, only } = options;
  const links = new LinkLines(options);
  // What its owner may not enter comes last, innermost first.
  const closed: [path: string, line: ListingLine][] = [];
  for await (const line of readListing(repo, manifest)) {
    const isTop = line.root === "home" && line.path === "";
    if (links.has(destinationOf(dir, line), line)) continue;
    if (line.type !== "directory" || isTop !== (which === "top") || (only && !only(line))) continue;
    const path = destinationOf(dir, line);
    if ((Number.parseInt(line.mode, 8) & 0o300) === 0o300) applyMetadata(path, line);
    else closed.unshift([path, line]);
  }
  for (const [path, line] of closed) applyMetadata(path, line);
}

function applyMetadata(path: string, { mode, mtime_ns }: ListingLine): void {
  const time = toUtimesSeconds(mtime_ns);
  utimesSync(osPath(path), time, time);
  chmodSync(osPath(path), modeOf(mode));
}

/** Nothing restored is setuid, setgid or sticky. */
const modeOf = (mode: string): number => Number.parseInt(mode, 8) & 0o777;

/** The destination of a line whose listing was checked. */
export function destinationOf(dir: string, { root, path }: Pick<ListingLine, "root" | "path">): string {
  const base = root === "home" ? dir : `${dir}/${OUTSIDE}/${root}`;
  return path === "" ? base : joinPath(base, path);
}

/** Lines that become links: nothing below them is restored, and they are made when all else is written. */
class LinkLines {
  readonly #makesLinks: boolean;
  readonly #links: { readonly path: string; readonly text: string }[] = [];

  constructor({ links = false }: ExtractOptions) {
    this.#makesLinks = links;
  }

  has(path: string, { link, root, path: below }: ListingLine): boolean {
    const last = this.#links.at(-1);
    if (last && path.startsWith(`${last.path}/`)) return true;
    if (!this.#makesLinks || link === undefined || (root === "home" && below === "")) return false;
    this.#links.push({ path, text: link });
    return true;
  }

  make(): void {
    for (const { path, text } of this.#links) {
      try {
        makeDirectory(dirname(path));
        rmSync(osPath(path), { force: true }); // of an interrupted run
        symlinkSync(osPath(text), osPath(path));
      } catch (error) {
        throw toFileError(path, "create", error);
      }
    }
  }
}

function makeDirectory(path: string): void {
  try {
    mkdirSync(osPath(path), { recursive: true, mode: 0o700 });
    const stat = lstatSync(osPath(path));
    if (!stat.isDirectory()) throw placeError("E_EXISTS", `${path} is not a directory`);
    if ((stat.mode & 0o700) !== 0o700) chmodSync(osPath(path), 0o700); // an interrupted run had settled it
  } catch (error) {
    throw toFileError(path, "create", error);
  }
}

/** Why it cannot be written where a chunk is unknown, or where its chunks hold more or less than the listing says. */
function jobOf(line: ListingLine, path: string, index: ChunkIndex): ExtractJob | Omit<ExtractFault, "path"> {
  const { size = 0, mode, mtime_ns: mtimeNs, database } = line;
  const parts = locate(chunksOf(line), index);
  const wal = locate(database?.wal?.chunks ?? [], index);
  if (!parts || !wal) return { code: "CHUNK_DAMAGED", message: "no index lists all of its chunks" };
  if (bytesOf(parts) !== size || bytesOf(wal) !== (database?.wal?.size ?? 0)) {
    return { code: "SIZE_DIFFERS", message: `its chunks hold ${bytesOf(parts)} bytes, and the listing says ${size}` };
  }
  const pair = database?.wal && { wal, lastSequence: database.last_sequence };
  return { path, mode: modeOf(mode), mtimeNs, parts, ...pair };
}

const bytesOf = (parts: readonly StoredChunk[]): number => parts.reduce((sum, { size }) => sum + size, 0);

function locate(chunks: readonly string[], index: ChunkIndex): StoredChunk[] | undefined {
  const parts: StoredChunk[] = [];
  for (const sha256 of chunks) {
    const place = index.find(sha256);
    if (!place) return undefined;
    parts.push({ sha256, ...place });
  }
  return parts;
}
