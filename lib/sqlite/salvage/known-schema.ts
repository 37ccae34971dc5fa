// A runtime's own schema for a file that lost its own: what it makes, and how many of the file's leaves fit it.
import { DatabaseSync } from "node:sqlite";
import { PAGE, parseLeaf } from "./carve-page.ts";
import { sampleRows } from "./orphans.ts";
import type { KnownSchema, SchemaEntry } from "./recover-schema.ts";
import { looksLike, readTableShape, type TableShape } from "./table-shape.ts";
import type { PageSurvey } from "./page-survey.ts";

export interface BuiltSchema {
  readonly name: string;
  readonly entries: readonly SchemaEntry[];
  readonly shapes: readonly TableShape[];
}

/** What its statements make. */
export function buildSchema({ name, statements }: KnownSchema): BuiltSchema {
  const db = new DatabaseSync(":memory:", { allowExtension: false });
  try {
    for (const statement of statements) db.exec(statement);
    const rows = db.prepare("SELECT type, name, tbl_name AS 'table', 0 AS root, sql FROM sqlite_schema").all();
    const entries = rows as unknown as SchemaEntry[];
    const tables = entries.filter(({ type, name: table }) => type === "table" && !table.startsWith("sqlite_"));
    return { name, entries, shapes: tables.map((table) => readTableShape(db, table.name)) };
  } finally {
    db.close();
  }
}

const ENOUGH = 200;

/** Leaves (a few hundred of them at most) whose rows are those of one of its tables. */
export function countFittingLeaves({ shapes }: BuiltSchema, survey: PageSurvey): number {
  const { pages, claims, freed } = survey;
  let looked = 0;
  let fitting = 0;
  for (let page = 2; page <= pages.pageCount && looked < ENOUGH; page++) {
    const bytes = claims[page] || freed[page] ? undefined : pages.readPage(page);
    const leaf = bytes?.[0] === PAGE.leaf ? parseLeaf(bytes, page, pages.usable) : undefined;
    if (!bytes || !leaf || leaf.cells.length === 0) continue;
    looked++;
    const rows = sampleRows(bytes, leaf);
    const isOf = (shape: TableShape): boolean =>
      rows.every((row) => row.length === shape.columns.length && looksLike(row, shape));
    if (rows.length > 0 && shapes.some(isOf)) fitting++;
  }
  return fitting;
}
