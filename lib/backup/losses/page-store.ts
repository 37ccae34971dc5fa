// Pages of a listing that is being made: stored in the repository, and kept here until the snapshot is compared.
import { readFileSync, writeFileSync } from "node:fs";
import { toFileError } from "../../files/errors.ts";
import { joinPath, osPath } from "../../files/os-path.ts";
import type { Scratch } from "../../files/scratch.ts";
import type { Repository } from "../../formats/repository/repository.ts";
import type { ChunkSink } from "../chunk-sink.ts";

export class PageStore {
  readonly #repo: Repository;
  readonly #sink: ChunkSink;
  readonly #scratch: Scratch;
  #dir: string | undefined;
  readonly #kept = new Set<string>();

  constructor(repo: Repository, sink: ChunkSink, scratch: Scratch) {
    this.#repo = repo;
    this.#sink = sink;
    this.#scratch = scratch;
  }

  async storePage(page: Uint8Array): Promise<string> {
    const sha256 = await this.#sink.storePage(page);
    if (!this.#kept.has(sha256)) this.#keep(sha256, page);
    return sha256;
  }

  /** A page of this run, or one that was taken over from an earlier one. */
  async read(sha256: string): Promise<Buffer> {
    return this.#kept.has(sha256) ? readFileSync(osPath(this.#fileOf(sha256))) : this.#repo.chunk(sha256);
  }

  #keep(sha256: string, page: Uint8Array): void {
    const file = this.#fileOf(sha256);
    try {
      writeFileSync(osPath(file), page, { mode: 0o600 });
    } catch (error) {
      throw toFileError(file, "write", error);
    }
    this.#kept.add(sha256);
  }

  #fileOf(sha256: string): string {
    return joinPath((this.#dir ??= this.#scratch.fresh()), sha256);
  }
}
