// How many pages a database has, and how many of them hold nothing.
import type { DatabaseSync } from "node:sqlite";

export interface PagesIn {
  /** Bytes of a page. */
  readonly pageSize: number;
  readonly pages: number;
  readonly free: number;
}

/** As of the open connection, its WAL included. */
export function pagesIn(db: DatabaseSync): PagesIn {
  const value = (name: string): number => Number(Object.values(db.prepare(`PRAGMA ${name}`).get()!)[0]);
  return { pageSize: value("page_size"), pages: value("page_count"), free: value("freelist_count") };
}
