// Writes the listing of a new snapshot page by page; a page that is the parent's is taken over as it is.
import { CHUNK_BYTES } from "../../formats/repository/chunk.ts";
import { encodePage, endsPage, type PageRef } from "../../formats/repository/listing.ts";
import type { Manifest } from "../../formats/repository/manifest.ts";
import type { PageStore } from "../losses/page-store.ts";
import type { ParentLine } from "./parent-cursor.ts";

export class ListingWriter {
  #pages: Pick<PageStore, "storePage">;
  #refs: PageRef[] = [];
  #first: { root: string; path: string } | undefined;
  #lines: string[] = [];
  #bytes = 0;
  #total = 0;
  /** The parent's page that begins with the current lines. */
  #same: PageRef | undefined;

  constructor(pages: Pick<PageStore, "storePage">) {
    this.#pages = pages;
  }

  /** Adds a line; `before` is set when it is the parent's, unchanged. True when the page is full: call `finishPage`. */
  add(line: string, root: string, path: string, before: ParentLine | undefined): boolean {
    if (this.#lines.length === 0) {
      this.#first = { root, path };
      this.#same = before?.page;
    }
    if (before?.page !== this.#same || before?.at !== this.#lines.length) this.#same = undefined;
    this.#lines.push(line);
    this.#bytes += line.length;
    this.#total++;
    return endsPage(path, this.#lines.length, this.#bytes);
  }

  async finishPage(): Promise<void> {
    const lines = this.#lines.length;
    if (lines === 0) return;
    const taken = this.#same?.lines === lines ? this.#same : undefined;
    this.#refs.push(taken ?? { sha256: await this.#pages.storePage(encodePage(this.#lines)), ...this.#first!, lines });
    this.#lines = [];
    this.#bytes = 0;
  }

  /** Where its pages are, so far. */
  get refs(): readonly PageRef[] {
    return this.#refs;
  }

  async finish(): Promise<Manifest["listing"]> {
    await this.finishPage();
    const list = encodePage(this.#refs.map((ref) => JSON.stringify(ref)));
    const chunks: string[] = [];
    for (let at = 0; at < list.length; at += CHUNK_BYTES) {
      chunks.push(await this.#pages.storePage(list.subarray(at, at + CHUNK_BYTES)));
    }
    return { chunks, pages: this.#refs.length, lines: this.#total };
  }
}
