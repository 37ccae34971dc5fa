// How many pages a database has, and how many of them hold nothing.
import type { DatabaseSync } from "node:sqlite";
import { withPages } from "./pages.ts";

export interface PageCounts {
  /** Bytes of a page. */
  readonly pageSize: number;
  readonly pages: number;
  readonly free: number;
}

/** As of the open connection, its WAL included. */
export function readPageCounts(db: DatabaseSync): PageCounts {
  const value = (name: string): number => Number(Object.values(db.prepare(`PRAGMA ${name}`).get()!)[0]);
  return { pageSize: value("page_size"), pages: value("page_count"), free: value("freelist_count") };
}

const FREE_AT = 36;

/** As the first page of a file says, its WAL's included; undefined where it is no database. Takes no lock. */
export const readPageCountsOfFile = (file: string, signal?: AbortSignal): PageCounts | undefined =>
  withPages(
    file,
    (pages) => {
      const free = pages.readPage(1)?.readUInt32BE(FREE_AT) ?? 0;
      return { pageSize: pages.pageSize, pages: pages.pageCount, free: Math.min(free, pages.pageCount) };
    },
    signal,
  );
