// Writes the chunks that are still needed of mostly dead packs into new ones.
import { ChunkIndex } from "../../formats/repository/chunk-index.ts";
import { readIndexFiles } from "../../formats/repository/read-indexes.ts";
import { openWithFile, type Repository } from "../../formats/repository/repository.ts";
import type { Deps } from "../../records/deps.ts";
import { ChunkSink } from "../chunk-sink.ts";
import type { RepositoryUsage } from "./pack-usage.ts";

interface Repack {
  readonly packs: readonly string[];
  readonly usage: RepositoryUsage;
}

/** Resolves to the chunks that lie in new packs now, which an index names; the old ones are not touched. */
export async function repack(repo: Repository, { packs, usage }: Repack, deps: Deps): Promise<ReadonlySet<string>> {
  const moved = new Set<string>();
  if (packs.length === 0) return moved;
  const selected = new Set(packs);
  // A view of the repository that knows no chunk, so that each is stored.
  const fresh = await openWithFile(repo.target, repo.file, { env: deps.env });
  fresh.useIndex(new ChunkIndex());
  await using sink = new ChunkSink(fresh);
  for await (const { key, lines } of readIndexFiles(repo)) {
    if (!usage.indexes.has(key)) continue;
    for (const { pack, chunks } of lines) {
      if (!selected.has(pack)) continue;
      for (const [sha256] of chunks) {
        deps.signal.throwIfAborted();
        if (moved.has(sha256) || !usage.isNeeded(sha256, pack)) continue;
        await sink.store(await repo.chunk(sha256));
        moved.add(sha256);
        deps.progress.update({ label: "repacked", done: sink.newBytes, unit: "bytes" });
      }
    }
  }
  await sink.publish();
  return moved;
}
