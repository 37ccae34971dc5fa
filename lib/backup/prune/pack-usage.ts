// Which packs the snapshots of a repository need, and how much of each.
import { ChunkIndex, type PackLine } from "../../formats/repository/chunk-index.ts";
import { nameIn, PACKS } from "../../formats/repository/layout.ts";
import { chunksNeeded, decodeListingLine, decodePage } from "../../formats/repository/listing.ts";
import type { Manifest } from "../../formats/repository/manifest.ts";
import { readMarks, type MarkFile } from "../../formats/repository/prune-marks.ts";
import { readIndexFiles } from "../../formats/repository/read-indexes.ts";
import type { Repository } from "../../formats/repository/repository.ts";
import { readPageRefs } from "../../formats/repository/snapshots.ts";
import type { Deps } from "../../records/deps.ts";
import { ToolError } from "../../records/error.ts";

export interface PackUsage {
  /** Of the file; 0 where it is missing. */
  readonly size: number;
  /** Of its frames, as the indexes say; 0 where none knows it. */
  frames: number;
  /** Of these, what the snapshots that stay need. */
  needed: number;
  /** Whether one of the dropped snapshots needs it. */
  neededByDropped: boolean;
  /** Since when it has been marked. */
  readonly marked: string | undefined;
}

export interface RepositoryUsage {
  readonly packs: ReadonlyMap<string, PackUsage>;
  readonly marks: readonly MarkFile[];
  /** Index files at that time. */
  readonly indexes: ReadonlySet<string>;
  /** Whether the snapshots that stay need this chunk in this pack. */
  isNeeded(sha256: string, pack: string): boolean;
}

interface Snapshots {
  readonly kept: readonly Manifest[];
  readonly dropped: readonly Manifest[];
}

/** A listing that cannot be read of a snapshot that stays → exit 6; of one that goes, it counts as needing nothing. */
export async function computePackUsage(
  repo: Repository,
  { kept, dropped }: Snapshots,
  deps: Deps,
): Promise<RepositoryUsage> {
  await reloadIndex(repo);
  const pages = new Set<string>();
  const needed = new ChunkIndex();
  for (const manifest of kept) await addNeeds(repo, manifest, { pages, chunks: needed }, deps);
  const droppedChunks = new ChunkIndex();
  for (const manifest of dropped) {
    try {
      await addNeeds(repo, manifest, { pages, chunks: droppedChunks }, deps);
    } catch (error) {
      if (!(error instanceof ToolError)) throw error;
      deps.log.info(`the listing of ${manifest.id}, which is dropped, cannot be read: ${error.message}`);
    }
  }
  const marks = await readMarks(repo);
  const packs = await listPacks(repo, marks.at(-1));
  const { places, indexes } = await placesOf(repo, { packs, needed, droppedChunks });
  return {
    packs,
    marks,
    indexes,
    isNeeded: (sha256, pack) => places.find(sha256)?.pack === pack && needed.has(sha256),
  };
}

/** Snapshots that came since it was read last need what it did not know yet. */
async function reloadIndex(repo: Repository): Promise<void> {
  const index = new ChunkIndex();
  for await (const { lines } of readIndexFiles(repo)) for (const line of lines) index.addPack(line);
  repo.useIndex(index);
}

interface Needs {
  readonly pages: Set<string>;
  readonly chunks: ChunkIndex;
}

async function addNeeds(repo: Repository, manifest: Manifest, { pages, chunks }: Needs, deps: Deps): Promise<void> {
  for (const chunk of manifest.listing.chunks) chunks.announce(chunk);
  for (const { sha256 } of await readPageRefs(repo, manifest)) {
    deps.signal.throwIfAborted();
    if (pages.has(sha256)) continue;
    chunks.announce(sha256);
    for (const line of decodePage(await repo.chunk(sha256))) {
      for (const chunk of chunksNeeded(decodeListingLine(line))) chunks.announce(chunk);
    }
    pages.add(sha256);
  }
}

async function listPacks(repo: Repository, marks: MarkFile | undefined): Promise<Map<string, PackUsage>> {
  const packs = new Map<string, PackUsage>();
  for await (const { key, size } of repo.target.list(PACKS)) {
    const name = nameIn(key);
    packs.set(name, { size, frames: 0, needed: 0, neededByDropped: false, marked: marks?.packs[name] });
  }
  return packs;
}

interface Placing {
  readonly packs: ReadonlyMap<string, PackUsage>;
  readonly needed: ChunkIndex;
  readonly droppedChunks: ChunkIndex;
}

interface Placed {
  readonly places: ChunkIndex;
  readonly indexes: ReadonlySet<string>;
}

/** Gives every chunk one place: where it is stored twice, one that is not marked. Fills in what each pack is used for. */
async function placesOf(repo: Repository, { packs, needed, droppedChunks }: Placing): Promise<Placed> {
  const places = new ChunkIndex();
  const indexes = new Set<string>();
  for (const round of ["unmarked", "marked"] as const) {
    for await (const { key, lines } of readIndexFiles(repo)) {
      // What another run has put since the first round names new packs: they are looked at by the next prune.
      if (round === "unmarked") indexes.add(key);
      else if (!indexes.has(key)) continue;
      for (const line of lines) {
        const use = packs.get(line.pack);
        if (use && (use.marked === undefined) === (round === "unmarked"))
          addPlaces(line, use, { places, needed, droppedChunks });
      }
    }
  }
  return { places, indexes };
}

function addPlaces(
  { pack, chunks }: PackLine,
  use: PackUsage,
  { places, needed, droppedChunks }: { places: ChunkIndex; needed: ChunkIndex; droppedChunks: ChunkIndex },
): void {
  // A run that was killed while it rewrote the indexes has left two lines of one pack.
  const first = chunks.filter(([sha256]) => places.find(sha256)?.pack !== pack);
  const fresh = first.filter(([sha256]) => !places.has(sha256));
  for (const [, , length] of first) use.frames += length;
  places.addPack({ pack, chunks: fresh });
  for (const [sha256, , length] of fresh) {
    if (needed.has(sha256)) use.needed += length;
    else if (droppedChunks.has(sha256)) use.neededByDropped = true;
  }
}
