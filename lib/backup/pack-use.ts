// Which packs the snapshots of a repository need, and how much of each.
import { ChunkIndex, type PackLine } from "../formats/chunk-index.ts";
import { nameIn, PACKS } from "../formats/layout.ts";
import { chunksNeeded, decodeLine, decodePage } from "../formats/listing.ts";
import type { Manifest } from "../formats/manifest.ts";
import { readMarks, type MarkFile } from "../formats/marks.ts";
import { indexFiles, type Repository } from "../formats/repository.ts";
import { pageRefs } from "../formats/snapshots.ts";
import type { Deps } from "../records/deps.ts";
import { ToolError } from "../records/error.ts";

export interface PackUse {
  /** Of the file; 0 where it is gone. */
  readonly size: number;
  /** Of its frames, as the indexes say; 0 where none knows it. */
  frames: number;
  /** Of these, what the snapshots that stay need. */
  needed: number;
  /** Whether one of the snapshots that go needs it. */
  neededByGone: boolean;
  /** Since when it has been marked. */
  readonly marked: string | undefined;
}

export interface Survey {
  readonly packs: ReadonlyMap<string, PackUse>;
  readonly marks: readonly MarkFile[];
  /** Index files at that time. */
  readonly indexes: ReadonlySet<string>;
  /** Whether the snapshots that stay need this chunk in this pack. */
  needs(sha256: string, pack: string): boolean;
}

interface Snapshots {
  readonly stay: readonly Manifest[];
  readonly go: readonly Manifest[];
}

/** A listing that cannot be read of a snapshot that stays → exit 6; of one that goes, it counts as needing nothing. */
export async function survey(repo: Repository, { stay, go }: Snapshots, deps: Deps): Promise<Survey> {
  await readIndexAnew(repo);
  const pages = new Set<string>();
  const needed = new ChunkIndex();
  for (const manifest of stay) await addNeeds(repo, manifest, { pages, chunks: needed }, deps);
  const gone = new ChunkIndex();
  for (const manifest of go) {
    try {
      await addNeeds(repo, manifest, { pages, chunks: gone }, deps);
    } catch (error) {
      if (!(error instanceof ToolError)) throw error;
      deps.log.info(`the listing of ${manifest.id}, which goes, cannot be read: ${error.message}`);
    }
  }
  const marks = await readMarks(repo);
  const packs = await packsThere(repo, marks.at(-1));
  const { places, indexes } = await placesOf(repo, { packs, needed, gone });
  return {
    packs,
    marks,
    indexes,
    needs: (sha256, pack) => places.find(sha256)?.pack === pack && needed.has(sha256),
  };
}

/** Snapshots that came since it was read last need what it did not know yet. */
async function readIndexAnew(repo: Repository): Promise<void> {
  const index = new ChunkIndex();
  for await (const { lines } of indexFiles(repo)) for (const line of lines) index.addPack(line);
  repo.useIndex(index);
}

interface Needs {
  readonly pages: Set<string>;
  readonly chunks: ChunkIndex;
}

async function addNeeds(repo: Repository, manifest: Manifest, { pages, chunks }: Needs, deps: Deps): Promise<void> {
  for (const chunk of manifest.listing.chunks) chunks.announce(chunk);
  for (const { sha256 } of await pageRefs(repo, manifest)) {
    deps.signal.throwIfAborted();
    if (pages.has(sha256)) continue;
    chunks.announce(sha256);
    for (const line of decodePage(await repo.chunk(sha256))) {
      for (const chunk of chunksNeeded(decodeLine(line))) chunks.announce(chunk);
    }
    pages.add(sha256);
  }
}

async function packsThere(repo: Repository, marks: MarkFile | undefined): Promise<Map<string, PackUse>> {
  const packs = new Map<string, PackUse>();
  for await (const { key, size } of repo.target.list(PACKS)) {
    const name = nameIn(key);
    packs.set(name, { size, frames: 0, needed: 0, neededByGone: false, marked: marks?.packs[name] });
  }
  return packs;
}

interface Placing {
  readonly packs: ReadonlyMap<string, PackUse>;
  readonly needed: ChunkIndex;
  readonly gone: ChunkIndex;
}

interface Placed {
  readonly places: ChunkIndex;
  readonly indexes: ReadonlySet<string>;
}

/** Gives every chunk one place: where it is stored twice, one that is not marked. Fills in what each pack is used for. */
async function placesOf(repo: Repository, { packs, needed, gone }: Placing): Promise<Placed> {
  const places = new ChunkIndex();
  const indexes = new Set<string>();
  for (const round of ["unmarked", "marked"] as const) {
    for await (const { key, lines } of indexFiles(repo)) {
      // What another run has put since the first round names new packs: they are looked at by the next prune.
      if (round === "unmarked") indexes.add(key);
      else if (!indexes.has(key)) continue;
      for (const line of lines) {
        const use = packs.get(line.pack);
        if (use && (use.marked === undefined) === (round === "unmarked"))
          addPlaces(line, use, { places, needed, gone });
      }
    }
  }
  return { places, indexes };
}

function addPlaces(
  { pack, chunks }: PackLine,
  use: PackUse,
  { places, needed, gone }: { places: ChunkIndex; needed: ChunkIndex; gone: ChunkIndex },
): void {
  // A run that was killed while it rewrote the indexes has left two lines of one pack.
  const first = chunks.filter(([sha256]) => places.find(sha256)?.pack !== pack);
  const fresh = first.filter(([sha256]) => !places.has(sha256));
  for (const [, , length] of first) use.frames += length;
  places.addPack({ pack, chunks: fresh });
  for (const [sha256, , length] of fresh) {
    if (needed.has(sha256)) use.needed += length;
    else if (gone.has(sha256)) use.neededByGone = true;
  }
}
