// What a pack says of itself: every frame that is sound, its content hashed anew.
import { createHash } from "node:crypto";
import { CHUNK_BYTES, chunkId, decompress } from "../../formats/repository/chunk.ts";
import type { PackLine } from "../../formats/repository/chunk-index.ts";
import { packKey } from "../../formats/repository/layout.ts";
import { PackReader } from "../../formats/repository/pack-reader.ts";
import type { Repository } from "../../formats/repository/repository.ts";
import { frameAt, skippableEnd } from "../../formats/repository/pack-frames.ts";

export interface ReadPack {
  readonly line: PackLine;
  /** It is not what its name says; the line has what of it can be read. */
  readonly damaged: boolean;
}

/** Undefined when it does not exist. `before`: what was known of it, to find what is left of one that is damaged. */
export async function readPack(repo: Repository, pack: string, before?: PackLine): Promise<ReadPack | undefined> {
  const key = packKey(pack);
  const file = await repo.target.get(key);
  if (!file) return undefined;
  const isSound = createHash("sha256").update(file).digest("hex") === pack;
  if (!isSound && before) return { line: { ...before, chunks: await readSoundChunks(repo, before) }, damaged: true };
  if (!isSound && repo.envelope) return { line: { pack, chunks: [] }, damaged: true };
  const plain = await repo.open(file, key);
  const { chunks, end } = parseFrames(plain);
  const last = chunks.at(-1);
  const bytes = last && last[1] + last[2] === file.length ? {} : { bytes: file.length };
  return { line: { pack, ...bytes, chunks }, damaged: !isSound || end !== plain.length };
}

async function readSoundChunks(repo: Repository, { pack, chunks }: PackLine): Promise<PackLine["chunks"]> {
  using packs = new PackReader(repo.target, repo.envelope);
  const sound: PackLine["chunks"][number][] = [];
  for (const chunk of chunks) {
    const [sha256, offset, length, size] = chunk;
    if (await packs.content({ sha256, pack, offset, length, size })) sound.push(chunk);
  }
  return sound;
}

function parseFrames(bytes: Buffer): { chunks: PackLine["chunks"]; end: number } {
  const chunks: PackLine["chunks"][number][] = [];
  let at = 0;
  while (at < bytes.length) {
    const passed = skippableEnd(bytes, at);
    const frame = passed === undefined ? frameAt(bytes, at) : undefined;
    if (passed !== undefined) at = passed;
    else if (frame && frame.size <= CHUNK_BYTES) {
      const { offset, length, size } = frame;
      const content = decompress(bytes.subarray(offset, offset + length), size);
      if (content) chunks.push([chunkId(content), offset, length, size]);
      at = offset + length;
    } else break; // where the next one begins is not known any more
  }
  return { chunks, end: at };
}
