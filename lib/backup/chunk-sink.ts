// Takes content in, stores what is new: hashed here, compressed by threads, or in this thread when little is new.
import { toFileError } from "../files/errors.ts";
import { CHUNK_BYTES, chunkId } from "../formats/repository/chunk.ts";
import { INDEX_CHUNKS, type ChunkIndex } from "../formats/repository/chunk-index.ts";
import { packKey, PAGES } from "../formats/repository/layout.ts";
import type { Repository } from "../formats/repository/repository.ts";
import type { Stage } from "../targets/target.ts";
import { sweepCache } from "./repository-upkeep/cache.ts";
import { mergeIndexes } from "./repository-upkeep/merge-indexes.ts";
import { PackFile, type FilledChunk, type StagedPack } from "./pack-file.ts";
import { renamePack } from "./rename-pack.ts";
import { PackPool, SLOTS } from "./pack-pool.ts";

/** Where most is stored already, starting threads costs more than they save until so many bytes are new. */
const INLINE_LIMIT = 16 << 20;

export interface SinkOptions {
  /** Packs that a prune may delete, so that what lies in them is stored again. */
  readonly marked?: ReadonlySet<string>;
  /** Most of what comes is in the repository already. */
  readonly mostlyStored?: boolean;
}

/** One run's way into a repository. Content is read into memory of `allocate`, then committed; nothing is visible before `publish`. */
export class ChunkSink implements AsyncDisposable {
  /** Bytes of chunks that the repository did not have. */
  newBytes = 0;
  /** Bytes of packs and indexes that were put. */
  storedBytes = 0;
  /** Bytes of everything that came in. */
  seenBytes = 0;
  #repo: Repository;
  #index: ChunkIndex | undefined;
  #stage: Stage | undefined;
  #memory: { shared: SharedArrayBuffer; bytes: Buffer } | undefined;
  #slot = 0;
  #used = 0;
  #filled: FilledChunk[] = [];
  #pool: PackPool | undefined;
  /** Packs made right here. */
  #inline: { readonly file: PackFile; readonly packs: StagedPack[] } | undefined;
  #inlineLimit: number;
  #marked: ReadonlySet<string>;
  /** Chunks of marked packs that were stored again. */
  #storedAgain = new Set<string>();

  constructor(repo: Repository, { marked = new Set(), mostlyStored = false }: SinkOptions = {}) {
    this.#repo = repo;
    this.#marked = marked;
    this.#inlineLimit = mostlyStored ? INLINE_LIMIT : 0;
  }

  /** Bytes to read content into, at most 4 MiB; valid until the next call. */
  async allocate(length: number): Promise<Buffer> {
    if (!this.#memory) {
      const shared = new SharedArrayBuffer(SLOTS * CHUNK_BYTES);
      this.#memory = { shared, bytes: Buffer.from(shared) };
      this.#index = await this.#repo.index();
    }
    if (this.#used + length > CHUNK_BYTES) await this.#nextSlot();
    const start = this.#slot * CHUNK_BYTES + this.#used;
    return this.#memory.bytes.subarray(start, start + length);
  }

  /** Stores what an allocated buffer was filled with; returns the chunk's id. */
  commit(buffer: Buffer): string {
    const sha256 = chunkId(buffer);
    this.seenBytes += buffer.length;
    if (!this.#index!.announce(sha256) && !this.#isMarked(sha256)) return sha256;
    this.#filled.push({ sha256, offset: this.#used, length: buffer.length });
    this.#used += buffer.length;
    this.newBytes += buffer.length;
    return sha256;
  }

  /** Stores content that lies in memory. */
  async store(content: Uint8Array): Promise<string> {
    const buffer = await this.allocate(content.length);
    buffer.set(content);
    return this.commit(buffer);
  }

  /** Whether content with this id would be stored. */
  async isMissing(sha256: string): Promise<boolean> {
    const index = await this.#repo.index();
    const place = index.find(sha256);
    return place && this.#marked.has(place.pack) ? !this.#storedAgain.has(sha256) : !index.has(sha256);
  }

  /** Stores a page of a listing; whoever has no private key finds it in the cache when it is the parent's. */
  async storePage(page: Uint8Array): Promise<string> {
    const sha256 = await this.store(page);
    this.#repo.cache?.write(PAGES + sha256, page);
    return sha256;
  }

  /** Puts packs, then their index; what was kept can be found by others from now on. */
  async publish(): Promise<void> {
    let lines: Uint8Array[] = [];
    let chunks = 0;
    for (const closed of await this.#close()) {
      const staged = this.#marked.has(closed.pack) ? await this.#writing(() => renamePack(closed)) : closed;
      await this.#repo.target.put(packKey(staged.pack), { file: staged.file });
      this.storedBytes += staged.bytes;
      lines.push(staged.line);
      chunks += staged.chunks;
      if (chunks < INDEX_CHUNKS) continue;
      await this.#putIndex(lines);
      [lines, chunks] = [[], 0];
    }
    if (lines.length > 0) await this.#putIndex(lines);
    if (this.storedBytes === 0) return;
    await mergeIndexes(this.#repo);
    await sweepCache(this.#repo);
  }

  /** True once for a chunk that lies in a marked pack alone. */
  #isMarked(sha256: string): boolean {
    const place = this.#marked.size === 0 ? undefined : this.#index!.find(sha256);
    if (!place || !this.#marked.has(place.pack) || this.#storedAgain.has(sha256)) return false;
    this.#storedAgain.add(sha256);
    return true;
  }

  async #putIndex(lines: readonly Uint8Array[]): Promise<void> {
    this.storedBytes += (await this.#repo.putIndex(lines)).bytes;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pool?.stop();
    this.#stage?.discard();
  }

  async #close(): Promise<readonly StagedPack[]> {
    if (this.#filled.length > 0) {
      if (this.#pool) this.#pool.dispatch(this.#slot, this.#filled);
      else await this.#packInline();
    }
    await this.#writing(() => this.#inline?.file.close());
    return [...(this.#inline?.packs ?? []), ...((await this.#pool?.finish()) ?? [])];
  }

  async #nextSlot(): Promise<void> {
    if (this.#filled.length > 0) {
      if (this.newBytes <= this.#inlineLimit) await this.#packInline();
      else {
        this.#pool ??= this.#startPool();
        this.#pool.dispatch(this.#slot, this.#filled);
        this.#slot = await this.#pool.acquireSlot();
      }
    }
    this.#filled = [];
    this.#used = 0;
  }

  async #packInline(): Promise<void> {
    this.#inline ??= this.#createInline();
    const start = this.#slot * CHUNK_BYTES;
    for (const { sha256, offset, length } of this.#filled) {
      const content = this.#memory!.bytes.subarray(start + offset, start + offset + length);
      await this.#writing(() => this.#inline!.file.append(sha256, content));
    }
  }

  /** Packs are written before they are put: a full disk is the repository's, not the home's. */
  async #writing<T>(write: () => T): Promise<Awaited<T>> {
    try {
      return await write();
    } catch (error) {
      throw toFileError(this.#place, "write to", error);
    }
  }

  /** Where packs are made: in a directory's own stage, or in scratch until they are uploaded. */
  get #place(): string {
    const { dir } = this.#repo.target;
    return dir ?? this.#stageDir();
  }

  #createInline(): { readonly file: PackFile; readonly packs: StagedPack[] } {
    const packs: StagedPack[] = [];
    const newKey = this.#repo.envelope?.encryption.fileKey;
    return { packs, file: new PackFile(this.#stageDir(), "pack", (pack) => packs.push(pack), newKey) };
  }

  #startPool(): PackPool {
    const free = Array.from({ length: SLOTS - 1 }, (_, number) => number + 1);
    const newKey = this.#repo.envelope?.encryption.fileKey;
    return new PackPool({ slots: this.#memory!.shared, dir: this.#stageDir(), place: this.#place, free, newKey });
  }

  #stageDir(): string {
    return (this.#stage ??= this.#repo.target.stage()).dir;
  }
}
