// Takes content in, stores what is new: hashed here, compressed by threads, or right here when there is little.
import { CHUNK_BYTES, chunkId } from "../formats/chunk.ts";
import { INDEX_CHUNKS, type ChunkIndex } from "../formats/chunk-index.ts";
import { packKey, PAGES } from "../formats/layout.ts";
import type { Repository } from "../formats/repository.ts";
import type { Stage } from "../targets/target.ts";
import { sweepCache } from "./cache.ts";
import { mergeIndexes } from "./merge-indexes.ts";
import { PackFile, type Filled, type StagedPack } from "./pack-file.ts";
import { renamed } from "./renamed-pack.ts";
import { PackTeam, SLOTS } from "./pack-team.ts";

/** Where there will be little, starting threads costs more than they save until so much has come. */
const LITTLE = 16 << 20;

export interface SinkOptions {
  /** Packs that a prune may delete, so that what lies in them is stored again. */
  readonly marked?: ReadonlySet<string>;
  /** Most of what comes is in the repository already. */
  readonly little?: boolean;
}

/** One run's way into a repository. Content is read into `room`, then kept; nothing is visible before `publish`. */
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
  #filled: Filled[] = [];
  #team: PackTeam | undefined;
  /** Packs made right here. */
  #own: { readonly file: PackFile; readonly packs: StagedPack[] } | undefined;
  #little: number;
  #marked: ReadonlySet<string>;
  /** Chunks of marked packs that were stored again. */
  #again = new Set<string>();

  constructor(repo: Repository, { marked = new Set(), little = false }: SinkOptions = {}) {
    this.#repo = repo;
    this.#marked = marked;
    this.#little = little ? LITTLE : 0;
  }

  /** Bytes to read content into, at most 4 MiB; valid until the next call. */
  async room(length: number): Promise<Buffer> {
    if (!this.#memory) {
      const shared = new SharedArrayBuffer(SLOTS * CHUNK_BYTES);
      this.#memory = { shared, bytes: Buffer.from(shared) };
      this.#index = await this.#repo.index();
    }
    if (this.#used + length > CHUNK_BYTES) await this.#nextSlot();
    const start = this.#slot * CHUNK_BYTES + this.#used;
    return this.#memory.bytes.subarray(start, start + length);
  }

  /** Stores what `room` was filled with; returns the chunk's id. */
  keep(room: Buffer): string {
    const sha256 = chunkId(room);
    this.seenBytes += room.length;
    if (!this.#index!.announce(sha256) && !this.#isDoomed(sha256)) return sha256;
    this.#filled.push({ sha256, offset: this.#used, length: room.length });
    this.#used += room.length;
    this.newBytes += room.length;
    return sha256;
  }

  /** Stores content that lies in memory. */
  async store(content: Uint8Array): Promise<string> {
    const room = await this.room(content.length);
    room.set(content);
    return this.keep(room);
  }

  /** Whether content with this id would be stored. */
  async needs(sha256: string): Promise<boolean> {
    const index = await this.#repo.index();
    const place = index.find(sha256);
    return place && this.#marked.has(place.pack) ? !this.#again.has(sha256) : !index.has(sha256);
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
      const staged = this.#marked.has(closed.pack) ? renamed(closed) : closed;
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
  #isDoomed(sha256: string): boolean {
    const place = this.#marked.size === 0 ? undefined : this.#index!.find(sha256);
    if (!place || !this.#marked.has(place.pack) || this.#again.has(sha256)) return false;
    this.#again.add(sha256);
    return true;
  }

  async #putIndex(lines: readonly Uint8Array[]): Promise<void> {
    this.storedBytes += (await this.#repo.putIndex(lines)).bytes;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#team?.stop();
    this.#stage?.discard();
  }

  async #close(): Promise<readonly StagedPack[]> {
    if (this.#filled.length > 0) {
      if (this.#team) this.#team.give(this.#slot, this.#filled);
      else await this.#packHere();
    }
    this.#own?.file.close();
    return [...(this.#own?.packs ?? []), ...((await this.#team?.finish()) ?? [])];
  }

  async #nextSlot(): Promise<void> {
    if (this.#filled.length > 0) {
      if (this.newBytes <= this.#little) await this.#packHere();
      else {
        this.#team ??= this.#assemble();
        this.#team.give(this.#slot, this.#filled);
        this.#slot = await this.#team.slot();
      }
    }
    this.#filled = [];
    this.#used = 0;
  }

  async #packHere(): Promise<void> {
    this.#own ??= this.#ownPacks();
    const start = this.#slot * CHUNK_BYTES;
    for (const { sha256, offset, length } of this.#filled) {
      await this.#own.file.append(sha256, this.#memory!.bytes.subarray(start + offset, start + offset + length));
    }
  }

  #ownPacks(): { readonly file: PackFile; readonly packs: StagedPack[] } {
    const packs: StagedPack[] = [];
    const newKey = this.#repo.envelope?.encryption.fileKey;
    return { packs, file: new PackFile(this.#staging(), "pack", (pack) => packs.push(pack), newKey) };
  }

  #assemble(): PackTeam {
    const free = Array.from({ length: SLOTS - 1 }, (_, number) => number + 1);
    const newKey = this.#repo.envelope?.encryption.fileKey;
    return new PackTeam({ slots: this.#memory!.shared, dir: this.#staging(), free, newKey });
  }

  #staging(): string {
    return (this.#stage ??= this.#repo.target.stage()).dir;
  }
}
