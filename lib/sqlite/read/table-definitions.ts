// The tables of a database by the text that made them, without SQLite and without a lock.
import { readTableRows } from "./btree.ts";
import type { Pages } from "./pages.ts";

interface TableDefinition {
  readonly name: string;
  readonly sql: string;
}

/** Undefined where the schema cannot be read whole, or is not in UTF-8. */
export function readTableDefinitions(pages: Pages): TableDefinition[] | undefined {
  const encoding = pages.readPage(1)?.readUInt32BE(56);
  if (encoding !== 0 && encoding !== 1) return undefined;
  const tables: TableDefinition[] = [];
  for (const row of readTableRows(pages, 1)) {
    const [type, name, sql] = [0, 1, 4].map((column) => row?.column(column));
    if (typeof type !== "string" || typeof name !== "string") return undefined;
    if (type !== "table") continue;
    if (typeof sql !== "string") return undefined;
    tables.push({ name, sql });
  }
  return tables;
}
