// The catalog rows of many sessions, read a few sessions at a time, in the order in which they are asked for.
import type { Deps } from "../records/deps.ts";
import { readCatalog } from "../sources/agh/home/databases.ts";
import {
  readSessionRows,
  type CatalogRows,
  type CatalogSchema,
  type SessionRows,
} from "../sources/agh/custody/session-rows.ts";

/** All at once would be most of what archiving holds in memory; one at a time, most of its time. */
const AT_ONCE = 32;

export class CatalogRowReader {
  #root: string;
  #ids: readonly string[];
  #deps: Deps;
  #next = 0;
  #read: CatalogRows | undefined;

  constructor(root: string, ids: readonly string[], deps: Deps) {
    this.#root = root;
    this.#ids = ids;
    this.#deps = deps;
  }

  /** Of each session once, in the order of the ids. */
  read(id: string): { readonly rows: SessionRows; readonly schema: CatalogSchema } {
    if (!this.#read?.of.has(id)) {
      const ids = this.#ids.slice(this.#next, (this.#next += AT_ONCE));
      this.#read = readCatalog(this.#root, this.#deps, (db) => readSessionRows(db, ids));
    }
    return { rows: this.#read.of.get(id)!, schema: this.#read.schema };
  }
}
