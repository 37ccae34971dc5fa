// The index files of a repository: each by itself, and all as one index.
import type { Target } from "../../targets/target.ts";
import { ChunkIndex, type PackLine } from "./chunk-index.ts";
import { INDEXES, nameIn, PACKS } from "./layout.ts";
import type { Repository } from "./repository.ts";

/** Of a chunk that is stored twice, a place that is there counts before one whose pack is missing or cut short. */
export async function readIndexes(repo: Repository): Promise<ChunkIndex> {
  const index = new ChunkIndex();
  await addPacks(repo, index, () => true);
  if (!index.hasRepeated || repo.isLocked) return index;
  const unusable = await findUnusablePacks(repo.target, index);
  if (unusable.size === 0) return index;
  const preferred = new ChunkIndex();
  await addPacks(repo, preferred, (pack) => !unusable.has(pack));
  await addPacks(repo, preferred, (pack) => unusable.has(pack));
  return preferred;
}

async function addPacks(repo: Repository, index: ChunkIndex, isSelected: (pack: string) => boolean): Promise<void> {
  for await (const { lines } of readIndexFiles(repo)) {
    for (const line of lines) if (isSelected(line.pack)) index.addPack(line);
  }
}

/** Packs that are read from, and are missing or too short: seen by one listing, names and sizes. */
export async function findUnusablePacks(target: Target, index: ChunkIndex): Promise<ReadonlySet<string>> {
  const unusable = new Map(index.packSizes());
  if (unusable.size === 0) return new Set();
  for await (const { key, size } of target.list(PACKS)) {
    const pack = nameIn(key);
    if (size >= (unusable.get(pack) ?? 0)) unusable.delete(pack);
  }
  return new Set(unusable.keys());
}

export interface IndexFile {
  readonly key: string;
  readonly lines: readonly PackLine[];
}

/** Every index file that can be read, whatever other runs merge meanwhile. A damaged one → exit 6. */
export async function* readIndexFiles(repo: Repository): AsyncGenerator<IndexFile> {
  const seen = new Set<string>();
  for (let isMissing = true; isMissing;) {
    isMissing = false;
    for await (const { key, size } of repo.target.list(INDEXES)) {
      if (seen.has(key)) continue;
      seen.add(key);
      const lines = await repo.indexLines(key, size);
      if (lines) yield { key, lines };
      else isMissing ||= !repo.isLocked; // merged by another run: what holds its lines now shows at the next look
    }
  }
}
