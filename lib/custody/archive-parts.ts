// The parts of an archived session: small databases are read in memory, large ones are unpacked in scratch.
import { basename } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { joinPath } from "../files/os-path.ts";
import type { Scratch } from "../files/scratch.ts";
import { hostileArchive } from "../files/safe-names.ts";
import type { EntrySink } from "../files/tar-read.ts";
import { readArchive, type OnBuffer } from "../formats/archive/archive-reader.ts";
import {
  allFiles,
  archiveKeyOf,
  partitionOf,
  ROWS,
  type Receipt,
  type ReceiptFile,
} from "../formats/archive/receipt.ts";
import { decodeRows, type RowsFile } from "../formats/archive/rows.ts";
import { unpack } from "../formats/archive/unpack.ts";
import { readInMemory } from "../sqlite/read/in-memory.ts";
import { readConsistently } from "../sqlite/read/open.ts";
import type { Target } from "../targets/target.ts";
import type { IncomingSession } from "./incoming-session.ts";

export interface PartsContext {
  readonly scratch: Scratch;
  readonly signal: AbortSignal;
  /** Hears of the buffers that are left behind. */
  readonly made?: OnBuffer;
}

/** A larger database goes to the disk. */
const IN_MEMORY = 4 << 20;
const SIDECARS = ["-wal", "-journal"];

/** Each call reads the whole archive, and throws as readArchive does when one byte of it is not what the receipt says. */
export class ArchiveParts implements IncomingSession {
  readonly #target: Target;
  readonly #receipt: Receipt;
  readonly #context: PartsContext;

  constructor(target: Target, receipt: Receipt, context: PartsContext) {
    this.#target = target;
    this.#receipt = receipt;
    this.#context = context;
  }

  get id(): string {
    return this.#receipt.session_id;
  }

  get runtime(): string {
    return this.#receipt.runtime;
  }

  get homeId(): string {
    return this.#receipt.home_id;
  }

  get partition(): string | null {
    return partitionOf(this.#receipt);
  }

  get files(): readonly ReceiptFile[] {
    return allFiles(this.#receipt);
  }

  get schema(): Receipt["schema"] {
    return this.#receipt.schema;
  }

  /** In messages. */
  get label(): string {
    return `${this.#target.url}/${archiveKeyOf(this.#receipt)}`;
  }

  async rows(): Promise<RowsFile> {
    const bytes = await this.content(ROWS);
    try {
      return decodeRows(bytes);
    } catch (error) {
      throw hostileArchive(`the archive of ${this.id}`, `invalid rows (${(error as Error).message})`);
    }
  }

  /** Of one file; empty where there is none. */
  async content(path: string): Promise<Buffer> {
    let content: Buffer = Buffer.alloc(0);
    await this.read((file) => (file.path === path ? collect(file, (bytes) => (content = bytes)) : undefined));
    return content;
  }

  /** Reads every byte. */
  read(sinkFor: (file: ReceiptFile) => EntrySink | undefined = () => undefined): Promise<void> {
    return readArchive(this.#target, this.#receipt, sinkFor, this.#context.made);
  }

  async extract(place: (file: ReceiptFile) => string | undefined, made?: OnBuffer): Promise<void> {
    await unpack(this.#target, this.#receipt, place, made ?? this.#context.made);
  }

  async database<T>(path: string, use: (db: DatabaseSync) => T): Promise<T> {
    const size = this.files.find((file) => file.path === path)?.size ?? Infinity;
    const isPair = this.files.some((file) => SIDECARS.some((suffix) => file.path === path + suffix));
    if (!isPair && size <= IN_MEMORY) return readInMemory(await this.content(path), this.label, use);
    return this.#inScratch(path, use);
  }

  #inScratch<T>(path: string, use: (db: DatabaseSync) => T): Promise<T> {
    return this.#extracted(
      ["", ...SIDECARS].map((suffix) => path + suffix),
      (dir) => readConsistently(joinPath(dir, basename(path)), this.#context, use),
    );
  }

  withFile<T>(path: string, use: (file: string) => T | Promise<T>): Promise<T> {
    return this.#extracted([path], (dir) => use(joinPath(dir, basename(path))));
  }

  /** Paths of one directory, laid out as long as `use` takes. */
  async #extracted<T>(paths: readonly string[], use: (dir: string) => T | Promise<T>): Promise<T> {
    const { scratch } = this.#context;
    const dir = scratch.fresh();
    const places = new Map(paths.map((path) => [path, joinPath(dir, basename(path))]));
    try {
      await this.extract((file) => places.get(file.path));
      return await use(dir);
    } finally {
      scratch.discard(dir);
    }
  }
}

/** A content that comes in one piece is taken as it is. */
function collect({ size }: ReceiptFile, done: (bytes: Buffer) => void): EntrySink {
  let parts: Buffer[] = [];
  return {
    write: (bytes) => void parts.push(bytes.length === size ? bytes : Buffer.from(bytes)),
    end: () => {
      done(parts.length === 1 ? parts[0]! : Buffer.concat(parts, size));
      parts = [];
    },
  };
}
