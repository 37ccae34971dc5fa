// Reads chunks out of packs, checked against their ids. Neighbours that are announced are read together.
import { closeSync, openSync, readSync } from "node:fs";
import { joinPath, osPath } from "../../files/os-path.ts";
import { toFileError } from "../../files/errors.ts";
import { ToolError } from "../../records/error.ts";
import type { Target } from "../../targets/target.ts";
import type { AgeReader } from "../age/age.ts";
import { chunkId, decompress } from "./chunk.ts";
import type { ChunkLocation } from "./chunk-index.ts";
import type { Envelope } from "./encryption.ts";
import { packKey } from "./layout.ts";
import { joinSpans, type PackSpan } from "./pack-spans.ts";

/** A chunk and where it lies. */
export interface StoredChunk extends ChunkLocation {
  readonly sha256: string;
}

const OPEN_PACKS = 16;
/** Spans of up to 8 MiB that are cached at a time. */
const CACHED_SPANS = 2;

/** The packs of a plain local repository stay open between reads; all others are read in spans. */
export class PackReader implements Disposable {
  #target: Target;
  #envelope: Envelope | undefined;
  #open = new Map<string, number>();
  #readers = new Map<string, AgeReader | undefined>();
  #frame = Buffer.alloc(0);
  #spans: readonly PackSpan[] = [];
  #cached: { readonly span: PackSpan; readonly bytes: Buffer | undefined }[] = [];

  /** `envelope` where the packs are encrypted. */
  constructor(target: Target, envelope?: Envelope) {
    this.#target = target;
    this.#envelope = envelope;
  }

  /** Announces what will be read next, in any order: neighbours come in one read then. */
  expect(parts: readonly StoredChunk[]): void {
    this.#spans = this.#isLocal ? [] : joinSpans(parts);
  }

  /** The content; undefined when it is damaged or missing. */
  async content(part: StoredChunk): Promise<Buffer | undefined> {
    const frame = this.#isLocal ? this.#readLocal(part) : await this.#readRemote(part);
    const content = frame?.length === part.length ? decompress(frame, part.size) : undefined;
    return content && chunkId(content) === part.sha256 ? content : undefined;
  }

  get #isLocal(): boolean {
    return this.#target.dir !== undefined && this.#envelope === undefined;
  }

  async #readRemote(part: StoredChunk): Promise<Buffer | undefined> {
    const { pack, offset, length } = part;
    const end = offset + length;
    const span = this.#spans.find((each) => each.pack === pack && each.offset <= offset && end <= each.end);
    if (!span) return this.#range(part);
    let cached = this.#cached.find((each) => each.span === span);
    if (!cached) {
      cached = { span, bytes: await this.#range({ pack, offset: span.offset, length: span.end - span.offset }) };
      this.#cached = [cached, ...this.#cached.slice(0, CACHED_SPANS - 1)];
    }
    // One damaged piece must not hide its sound neighbours.
    return cached.bytes?.subarray(offset - span.offset, end - span.offset) ?? this.#range(part);
  }

  /** Of the pack as it was before it was encrypted. */
  async #range({
    pack,
    offset,
    length,
  }: Pick<ChunkLocation, "pack" | "offset" | "length">): Promise<Buffer | undefined> {
    if (!this.#envelope) return this.#target.get(packKey(pack), { offset, length });
    try {
      return await (await this.#reader(pack, this.#envelope))?.read({ offset, length });
    } catch (error) {
      if (error instanceof ToolError && error.code === "E_AGE_DAMAGED") return undefined;
      throw error;
    }
  }

  async #reader(pack: string, envelope: Envelope): Promise<AgeReader | undefined> {
    if (this.#readers.has(pack)) return this.#readers.get(pack);
    const key = packKey(pack);
    const head = await this.#target.head(key);
    const source = head && {
      size: head.size,
      get: (range: { offset: number; length: number }) => this.#target.get(key, range),
    };
    const reader = source && (await envelope.reader(source, key));
    if (this.#readers.size >= OPEN_PACKS) this.#readers.clear();
    this.#readers.set(pack, reader);
    return reader;
  }

  #readLocal({ pack, offset, length }: ChunkLocation): Buffer | undefined {
    const fd = this.#openPack(pack);
    if (fd === undefined) return undefined;
    if (this.#frame.length < length) this.#frame = Buffer.allocUnsafeSlow(length * 2);
    for (let at = 0; at < length;) {
      const read = readSync(fd, this.#frame, at, length - at, offset + at);
      if (read === 0) return undefined;
      at += read;
    }
    return this.#frame.subarray(0, length);
  }

  #openPack(pack: string): number | undefined {
    const known = this.#open.get(pack);
    if (known !== undefined) return known;
    const path = joinPath(this.#target.dir!, packKey(pack));
    try {
      if (this.#open.size >= OPEN_PACKS) this[Symbol.dispose]();
      const fd = openSync(osPath(path), "r");
      this.#open.set(pack, fd);
      return fd;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw toFileError(path, "read", error);
    }
  }

  [Symbol.dispose](): void {
    for (const fd of this.#open.values()) closeSync(fd);
    this.#open.clear();
  }
}
