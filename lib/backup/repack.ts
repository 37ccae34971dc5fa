// Writes the chunks that are still needed of mostly dead packs into new ones.
import { ChunkIndex } from "../formats/chunk-index.ts";
import { indexFiles, openAs, type Repository } from "../formats/repository.ts";
import type { Deps } from "../records/deps.ts";
import { ChunkSink } from "./chunk-sink.ts";
import type { Survey } from "./pack-use.ts";

interface Repack {
  readonly packs: readonly string[];
  readonly found: Survey;
}

/** Resolves to the chunks that lie in new packs now, which an index names; the old ones are not touched. */
export async function repack(repo: Repository, { packs, found }: Repack, deps: Deps): Promise<ReadonlySet<string>> {
  const moved = new Set<string>();
  if (packs.length === 0) return moved;
  const wanted = new Set(packs);
  // A view of the repository that knows no chunk, so that each is stored.
  const fresh = await openAs(repo.target, repo.file, { env: deps.env });
  fresh.useIndex(new ChunkIndex());
  await using sink = new ChunkSink(fresh);
  for await (const { key, lines } of indexFiles(repo)) {
    if (!found.indexes.has(key)) continue;
    for (const { pack, chunks } of lines) {
      if (!wanted.has(pack)) continue;
      for (const [sha256] of chunks) {
        deps.signal.throwIfAborted();
        if (moved.has(sha256) || !found.needs(sha256, pack)) continue;
        await sink.store(await repo.chunk(sha256));
        moved.add(sha256);
        deps.progress.update({ label: "repacked", done: sink.newBytes, unit: "bytes" });
      }
    }
  }
  await sink.publish();
  return moved;
}
