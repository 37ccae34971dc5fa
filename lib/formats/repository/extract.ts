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
import { readListing } from "./snapshots.ts";

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
    if (job) await pool.dispatch(job);
    else pool.faults.push({ path, code: "CHUNK_DAMAGED", message: "no index lists all of its chunks" });
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

/** `home`, or the name of a root outside it: a word, and a name below it. */
const ROOT = /^[a-z][a-z0-9_-]{0,31}(?:\/(?!\.{1,2}$)[A-Za-z0-9._-]{1,128})?$/;

/** The destination of a line. A listing may be hostile: a path that leads elsewhere is refused (6). */
function destinationOf(dir: string, { root, path }: ListingLine): string {
  const names = path === "" ? [] : path.split("/");
  if (!ROOT.test(root) || names.some((name) => name === "" || name === "." || name === ".." || name.includes("\0"))) {
    throw placeError(
      "E_HOSTILE_PATH",
      `the listing contains a path outside of the restore directory: ${JSON.stringify(`${root}/${path}`)}`,
    );
  }
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

/** Undefined when a chunk is unknown. */
function jobOf(line: ListingLine, path: string, index: ChunkIndex): ExtractJob | undefined {
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

function locate(chunks: readonly string[], index: ChunkIndex): StoredChunk[] | undefined {
  const parts: StoredChunk[] = [];
  for (const sha256 of chunks) {
    const place = index.find(sha256);
    if (!place) return undefined;
    parts.push({ sha256, ...place });
  }
  return parts;
}
