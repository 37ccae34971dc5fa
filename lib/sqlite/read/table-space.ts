// Where the bytes of a database file are: by table with its indexes, and pages that are free.
import type { DatabaseSync } from "node:sqlite";
import { closeSync, openSync, readSync } from "node:fs";
import { osPath } from "../../files/os-path.ts";

export interface TableSpace {
  /** The table; of the full text index the virtual table that its parts belong to. */
  readonly table: string;
  readonly isFullText: boolean;
  /** Of its pages and those of its indexes. */
  readonly bytes: number;
}

const BY_TABLE = `SELECT coalesce(s.tbl_name, d.name) AS name, sum(d.pgsize) AS bytes
  FROM dbstat d LEFT JOIN sqlite_schema s ON s.name = d.name GROUP BY 1`;

/** Largest first. Reads every page. */
export function measureTables(db: DatabaseSync): TableSpace[] {
  const virtual = db
    .prepare("PRAGMA main.table_list")
    .all()
    .filter(({ type }) => type === "virtual")
    .map(({ name }) => String(name));
  const found = new Map<string, { table: string; isFullText: boolean; bytes: number }>();
  for (const { name, bytes } of db.prepare(BY_TABLE).all()) {
    const owner = virtual.filter((it) => String(name).startsWith(`${it}_`)).sort((a, b) => b.length - a.length)[0];
    const table = owner ?? String(name);
    const one = found.get(table) ?? { table, isFullText: owner !== undefined, bytes: 0 };
    one.bytes += Number(bytes);
    found.set(table, one);
  }
  return [...found.values()].sort((a, b) => b.bytes - a.bytes || (a.table < b.table ? -1 : 1));
}

/** Bytes of free pages as the header of the main file counts them; 0 where it is no database. A WAL may differ. */
export function readFreeBytes(file: string): number {
  const fd = openSync(osPath(file), "r");
  try {
    const header = HEADER;
    if (readSync(fd, header, 0, header.length, 0) < header.length) return 0;
    if (header.toString("latin1", 0, 16) !== "SQLite format 3\0") return 0;
    const size = header.readUInt16BE(16);
    return header.readUInt32BE(36) * (size === 1 ? 65_536 : size);
  } finally {
    closeSync(fd);
  }
}

/** One for all: it is read of very many files. */
const HEADER = Buffer.alloc(100);
