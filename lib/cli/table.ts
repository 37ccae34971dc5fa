// Tables and CSV for people and spreadsheets; JSON Lines stay the contract.
import { KINDS } from "../records/kinds.ts";
import type { AnyRecord } from "../records/record.ts";
import { COLUMNS } from "./columns.ts";
import { sanitize } from "./sanitize.ts";
import { formatBytes } from "./report.ts";

/** Columns that nobody looks for in a table. */
const HIDDEN_COLUMNS = new Set(["kind", "runtime", "home"]);
const BYTES = /(?:^|_)(?:bytes|size)$/;
const SAMPLE = 200;

/** Renders records as they come: one table a kind; widths are taken from its first rows. */
export class TableWriter {
  #width: number;
  #bold: (text: string) => string;
  #fields: readonly string[] | undefined;
  #kind: string | undefined;
  #rows: AnyRecord[] = [];
  #columns: readonly Column[] | undefined;
  #waited = 0;

  constructor(options: { width: number; bold: (text: string) => string; fields: readonly string[] | undefined }) {
    this.#width = options.width;
    this.#bold = options.bold;
    this.#fields = options.fields;
  }

  /** Text that is due now, maybe none. */
  add(item: AnyRecord): string {
    const record = spread(item);
    const before = this.#kind !== undefined && record.kind !== this.#kind ? this.end() : "";
    this.#kind = record.kind;
    if (this.#columns) return before + this.#line(record);
    this.#rows.push(record);
    return before + (this.#rows.length >= SAMPLE ? this.#start({ asPage: true }) : "");
  }

  /** What waits for more rows, when none came since the last call: a table that is followed starts with what there is. */
  flushIdle(): string {
    const waiting = this.#columns ? 0 : this.#rows.length;
    const isIdle = waiting > 0 && waiting === this.#waited;
    this.#waited = waiting;
    return isIdle ? this.#start({ asPage: false }) : "";
  }

  end(): string {
    const text = this.#columns || this.#rows.length === 0 ? "" : this.#start({ asPage: true });
    this.#columns = undefined;
    this.#kind = undefined;
    return text;
  }

  #start({ asPage }: { readonly asPage: boolean }): string {
    const rows = this.#rows.splice(0);
    const columns = columnsOf(rows, this.#fields);
    if (asPage && rows.length === 1 && !this.#fields && totalWidth(columns) > this.#width) return this.#page(rows[0]!);
    this.#columns = fit(columns, this.#width);
    const head = this.#columns
      .map((column) => pad(column.name.toUpperCase(), column))
      .join("  ")
      .trimEnd();
    return `${this.#bold(head)}\n${rows.map((row) => this.#line(row)).join("")}`;
  }

  /** A single record that is wider than the terminal: a line a key. */
  #page(record: AnyRecord): string {
    const names = namesOf([record]).filter((name) => !HIDDEN_COLUMNS.has(name) && !isBlank(record[name]));
    const width = Math.max(...names.map((name) => name.length));
    return names.map((name) => `${this.#bold(name.padEnd(width))}  ${cell(record, name)}\n`).join("");
  }

  #line(record: AnyRecord): string {
    return `${this.#columns!.map((column) => pad(cell(record, column.name), column))
      .join("  ")
      .trimEnd()}\n`;
  }
}

/** The columns of a table's row are columns here too. */
function spread(record: AnyRecord): AnyRecord {
  const { values, table: _, ...rest } = record;
  return record.kind === "row" ? { ...rest, ...(values as object), kind: "row" } : record;
}

interface Column {
  readonly name: string;
  readonly width: number;
  readonly right: boolean;
}

function columnsOf(rows: readonly AnyRecord[], fields: readonly string[] | undefined): Column[] {
  const names = fields ?? COLUMNS[rows[0]!.kind] ?? namesOf(rows).filter((name) => !HIDDEN_COLUMNS.has(name));
  const columns = names.map((name) => {
    const widest = Math.max(name.length, ...rows.map((row) => displayWidth(cell(row, name))));
    return {
      name,
      width: widest,
      right: rows.every((row) => isBlank(row[name]) || typeof row[name] === "number"),
    };
  });
  if (fields) return columns;
  // What is blank, or says again what stands left of it, is no help.
  return columns.filter(({ name }, at) => rows.some((row) => !isBlank(row[name]) && row[name] !== row[names[at - 1]!]));
}

const totalWidth = (columns: readonly Column[]): number => columns.reduce((sum, { width }) => sum + width + 2, -2);

/** Documented order first, then what is new. */
function namesOf(rows: readonly AnyRecord[]): string[] {
  const { kind } = rows[0]!;
  const documented = kind === "row" ? [] : Object.keys(KINDS.get(kind)?.fields ?? {});
  return [...new Set([...documented, ...rows.flatMap((row) => Object.keys(row))])];
}

const isBlank = (value: unknown): boolean =>
  value === undefined || value === null || value === "" || (Array.isArray(value) && value.length === 0);

/** Keeps the leading columns that fit; the last one gets the rest of the line. */
function fit(columns: readonly Column[], width: number): Column[] {
  const kept: Column[] = [];
  let used = 0;
  for (const [at, column] of columns.entries()) {
    const available = width - used - (kept.length > 0 ? 2 : 0);
    const preferred = at === columns.length - 1 ? column.width : Math.min(column.width, 60);
    if (available < Math.min(preferred, 8)) break;
    kept.push({ ...column, width: Math.min(preferred, available) });
    used = width - available + Math.min(preferred, available);
  }
  return kept;
}

function pad(text: string, { width, right }: Column): string {
  const shown = clip(text, width);
  const blank = " ".repeat(Math.max(0, width - displayWidth(shown)));
  return right ? blank + shown : shown + blank;
}

function clip(text: string, width: number): string {
  if (displayWidth(text) <= width) return text;
  let shown = "";
  let used = 0;
  for (const character of text) {
    used += displayWidth(character);
    if (used > width - 1) break;
    shown += character;
  }
  return `${shown}…`;
}

const ASCII = /^[\x20-\x7e]*$/;
const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Extended_Pictographic}/u;
const MARK = /\p{M}/u;

/** Terminal cells that a text takes. */
function displayWidth(text: string): number {
  if (ASCII.test(text)) return text.length;
  let width = 0;
  for (const character of text) width += MARK.test(character) ? 0 : WIDE.test(character) ? 2 : 1;
  return width;
}

/** The text of one cell, sanitized for a terminal. */
export function cell(record: AnyRecord, name: string): string {
  const value = record[name];
  return typeof value === "number" && BYTES.test(name) ? formatBytes(value) : sanitize(plain(value));
}

function plain(value: unknown): string {
  if (isBlank(value)) return "";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** RFC 4180 rows; the header is taken from --fields, else from the kind. */
export class CsvWriter {
  #fields: readonly string[] | undefined;
  #kind: string | undefined;

  constructor(fields: readonly string[] | undefined) {
    this.#fields = fields;
  }

  add(item: AnyRecord): string {
    const record = spread(item);
    const head = this.#kind === record.kind ? "" : this.#header(record);
    return head + row(this.#fields!.map((name) => plain(record[name])));
  }

  end(): string {
    return "";
  }

  #header(record: AnyRecord): string {
    const again = this.#kind === undefined ? "" : "\r\n";
    if (this.#kind !== undefined || !this.#fields)
      this.#fields = ["kind", ...namesOf([record]).filter((name) => name !== "kind")];
    this.#kind = record.kind;
    return again + row(this.#fields);
  }
}

const row = (cells: readonly string[]): string =>
  `${cells.map((text) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)).join(",")}\r\n`;
