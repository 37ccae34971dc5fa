// Whether a file can be a sound database, by what shows without opening it: header, size, schema, free pages, last page.
import { readTableRows } from "./btree.ts";
import { pagesOf, type Bytes, type Pages } from "./pages.ts";
import { readSync } from "node:fs";

export interface SchemaObject {
  readonly type: string;
  readonly name: string;
  /** The table that an index is over. */
  readonly table: string;
  /** 0 for what has no pages of its own. */
  readonly root: number;
  readonly sql: string;
}

export interface QuickLook {
  /** Why it is no sound database, in words that follow its name. */
  readonly damaged?: string;
  readonly pages?: Pages;
  readonly schema: readonly SchemaObject[];
}

/** Looks at a few pages, however large the file is. Never throws on garbage. */
export function lookAt(main: Bytes, wal?: Bytes): QuickLook {
  const pages = pagesOf(main, wal);
  if (!pages) return { damaged: reasonAgainst(main), schema: [] };
  const header = pages.readPage(1)?.subarray(0, 100);
  const size = header && sizeProblem(header, pages, main, wal);
  if (!header) return { damaged: "is cut off within its first page", pages, schema: [] };
  const fields = size ?? headerProblem(header);
  if (fields !== undefined) return { damaged: fields, pages, schema: [] };
  const schema = readSchema(pages);
  if (!schema) return { damaged: "has a schema that cannot be read", pages, schema: [] };
  const damaged = rootProblem(pages, schema) ?? freePagesProblem(header, pages);
  return { ...(damaged !== undefined && { damaged }), pages, schema };
}

const MAGIC = "SQLite format 3\0";

function reasonAgainst(main: Bytes): string {
  if (main.length === 0) return EMPTY;
  const start = Buffer.alloc(Math.min(4096, main.length));
  if (main instanceof Uint8Array) start.set(main.subarray(0, start.length));
  else readSync(main.fd, start, 0, start.length, 0);
  if (start.every((byte) => byte === 0)) return "begins with zeros";
  if (start.toString("latin1", 0, 16) !== MAGIC) return "is not an SQLite database";
  return "has a damaged header";
}

/** The reason of a file without a byte: it may be one that nothing was written to yet. */
export const EMPTY = "is empty";

function sizeProblem(header: Buffer, { pageSize, pageCount }: Pages, main: Bytes, wal?: Bytes): string | undefined {
  // The size in the header counts where the last writer has kept it.
  const isKept = header.readUInt32BE(24) === header.readUInt32BE(92) && header.readUInt32BE(28) > 0;
  const expected = wal === undefined && isKept ? header.readUInt32BE(28) : pageCount;
  const missing = expected - Math.floor(main.length / pageSize);
  if (wal === undefined && missing > 0) return `has ${missing} pages less than its header says`;
  return wal === undefined && main.length % pageSize !== 0 ? "ends within a page" : undefined;
}

function headerProblem(header: Buffer): string | undefined {
  const within = (at: number, most: number): boolean => header.readUInt32BE(at) <= most;
  const isSound =
    [1, 2].includes(header[18]!) &&
    [1, 2].includes(header[19]!) &&
    header[21] === 64 &&
    header[22] === 32 &&
    header[23] === 32 &&
    within(44, 4) &&
    within(56, 3) &&
    header.subarray(72, 92).every((byte) => byte === 0);
  return isSound ? undefined : "has a damaged header";
}

function readSchema(pages: Pages): SchemaObject[] | undefined {
  const schema: SchemaObject[] = [];
  for (const row of readTableRows(pages, 1)) {
    const [type, name, table, root, sql] = [0, 1, 2, 3, 4].map((position) => row?.column(position));
    if (typeof type !== "string" || typeof name !== "string" || typeof table !== "string") return undefined;
    schema.push({ type, name, table, root: Number(root ?? 0), sql: typeof sql === "string" ? sql : "" });
  }
  return schema;
}

const PAGE_TYPES = new Set([0x02, 0x05, 0x0a, 0x0d]);

function rootProblem(pages: Pages, schema: readonly SchemaObject[]): string | undefined {
  const broken = schema.find(({ root }) => root !== 0 && !PAGE_TYPES.has(pages.readStart(root, 1)?.[0] ?? 0));
  return broken && `has no readable page for ${broken.type} ${broken.name}`;
}

function freePagesProblem(header: Buffer, pages: Pages): string | undefined {
  const { pageCount, usable } = pages;
  const claimed = header.readUInt32BE(36);
  const DAMAGED = "has a damaged list of free pages";
  if (claimed >= pageCount) return DAMAGED;
  let found = 0;
  let isLastFree = false;
  const most = usable / 4 - 2;
  for (let trunk = header.readUInt32BE(32); trunk !== 0 && found <= claimed; found++) {
    const page = trunk > 1 && trunk <= pageCount ? pages.readPage(trunk) : undefined;
    const leaves = page?.readUInt32BE(4) ?? Infinity;
    if (!page || leaves > most) return DAMAGED;
    isLastFree ||= trunk === pageCount;
    for (let leaf = 0; leaf < leaves; leaf++) {
      const number = page.readUInt32BE(8 + 4 * leaf);
      if (number < 2 || number > pageCount) return DAMAGED;
      isLastFree ||= number === pageCount;
    }
    found += leaves;
    trunk = page.readUInt32BE(0);
  }
  if (found !== claimed) return DAMAGED;
  return isLastFree || isLastPageSound(pages, header) ? undefined : "has an unreadable last page";
}

/** A page of a tree, one that a long value runs over to, or one of an auto-vacuum's own. */
function isLastPageSound(pages: Pages, header: Buffer): boolean {
  const last = pages.readPage(pages.pageCount);
  if (!last) return false;
  if (header.readUInt32BE(52) !== 0 || PAGE_TYPES.has(last[0]!)) return true;
  return last.readUInt32BE(0) <= pages.pageCount && last.some((byte) => byte !== 0);
}
