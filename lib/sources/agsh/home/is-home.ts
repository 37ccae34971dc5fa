// Whether a directory is agsh's: by the name of its database, unless another program's tables are in it.
import { closeSync, existsSync, openSync, readSync } from "node:fs";
import { joinPath, osPath } from "../../../files/os-path.ts";
import { readTableRows } from "../../../sqlite/read/btree.ts";
import { pagesOf } from "../../../sqlite/read/pages.ts";
import { DATABASES } from "./layout.ts";

const FIRST = 1 << 16;

/** A database that is empty, damaged or newer is agsh's all the same: reading it tells what is wrong. */
export const isHome = (root: string): boolean =>
  Object.keys(DATABASES).some((name) => {
    const file = joinPath(root, name);
    return existsSync(osPath(file)) && !isForeign(file);
  });

/** Only what can be read for certain counts: the schema's first page names tables, and none is agsh's. */
function isForeign(file: string): boolean {
  const names = tableNames(file);
  return names.length > 0 && !names.includes("sessions") && !names.includes("messages");
}

function tableNames(file: string): string[] {
  const pages = pagesOf(firstBytes(file));
  if (!pages) return [];
  const names: string[] = [];
  for (const row of readTableRows(pages, 1)) {
    if (!row) return [];
    if (row.column(0) === "table") names.push(String(row.column(1)));
  }
  return names;
}

function firstBytes(file: string): Buffer {
  const bytes = Buffer.alloc(FIRST);
  const fd = openSync(osPath(file), "r");
  try {
    return bytes.subarray(0, readSync(fd, bytes, 0, FIRST, 0));
  } finally {
    closeSync(fd);
  }
}
