// Rows of a database as JSON Lines: every value comes back with the very type it had.

/** One row of a table. */
export interface ArchivedRow {
  readonly table: string;
  /** Kept where the runtime uses it. */
  readonly rowid?: number;
  readonly values: { readonly [column: string]: SqlValue };
}

export type SqlValue = null | bigint | number | string | Uint8Array;

/** A value as it is read with `setReadBigInts`: integers are bigints, so that a number is a REAL. */
export function encodeValue(value: SqlValue): unknown {
  if (typeof value === "bigint") {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : { $integer: String(value) };
  }
  if (typeof value === "number") return { $real: String(value) };
  if (value instanceof Uint8Array) return { $base64: Buffer.from(value).toString("base64") };
  return value;
}

/** Throws on what `encodeValue` never makes. */
export function decodeValue(json: unknown): SqlValue {
  if (json === null || typeof json === "string") return json;
  if (typeof json === "number" && Number.isSafeInteger(json)) return BigInt(json);
  const [[key, text] = []] = Object.entries(json ?? {});
  if (typeof text === "string") {
    if (key === "$integer") return BigInt.asIntN(64, BigInt(text));
    if (key === "$real") return text === "Infinity" || text === "-Infinity" ? Number(text) : Number.parseFloat(text);
    if (key === "$base64") return Buffer.from(text, "base64");
  }
  throw new TypeError(`not a value of a row: ${JSON.stringify(json)?.slice(0, 80)}`);
}

/** A line that names a table and its columns, so that an empty table is known too. */
export const columnsLine = (table: string, columns: readonly string[]): string =>
  `${JSON.stringify({ table, columns })}\n`;

export const rowLine = (table: string, rowid: number | undefined, row: object): string =>
  `${JSON.stringify({ table, ...(rowid !== undefined && { rowid }), row })}\n`;

export interface RowsFile {
  readonly columns: ReadonlyMap<string, readonly string[]>;
  readonly rows: readonly ArchivedRow[];
}

/** As JSON Lines: the columns of every table, then its rows. */
export function encodeRows({ columns, rows }: RowsFile): string {
  const byTable = Map.groupBy(rows, ({ table }) => table);
  return [...columns]
    .map(([table, names]) => columnsLine(table, names) + encodeLines(byTable.get(table) ?? []))
    .join("");
}

/** The lines of rows alone. */
export const encodeLines = (rows: readonly ArchivedRow[]): string =>
  rows
    .map(({ table, rowid, values }) => {
      const row = Object.fromEntries(Object.entries(values).map(([name, value]) => [name, encodeValue(value)]));
      return rowLine(table, rowid, row);
    })
    .join("");

/** Throws on anything that is none of ours. */
export function decodeRows(bytes: Buffer): RowsFile {
  const columns = new Map<string, readonly string[]>();
  const rows: ArchivedRow[] = [];
  for (const line of bytes.toString("utf8").split("\n")) {
    if (line === "") continue;
    const { table, columns: names, rowid, row } = JSON.parse(line) as RowLine;
    if (typeof table !== "string") throw new TypeError("a line of rows without a table");
    if (Array.isArray(names)) columns.set(table, names.map(String));
    else rows.push({ table, ...(typeof rowid === "number" && { rowid }), values: decodeRow(row, columns.get(table)) });
  }
  return { columns, rows };
}

interface RowLine {
  readonly table?: unknown;
  readonly columns?: unknown;
  readonly rowid?: unknown;
  readonly row?: unknown;
}

function decodeRow(row: unknown, known: readonly string[] | undefined): ArchivedRow["values"] {
  if (!known || typeof row !== "object" || row === null) throw new TypeError("a row of an unknown table");
  const values: { [column: string]: SqlValue } = Object.create(null) as { [column: string]: SqlValue };
  for (const [name, value] of Object.entries(row)) {
    if (!known.includes(name)) throw new TypeError(`a row with an unknown column ${JSON.stringify(name)}`);
    values[name] = decodeValue(value);
  }
  return values;
}

/** Files whose tables have the same columns as one, so that they are put at once. */
export function mergeRows(files: readonly RowsFile[]): RowsFile[] {
  const groups = Map.groupBy(files, ({ columns }) => JSON.stringify([...columns]));
  return [...groups.values()].map((group) => ({
    columns: group[0]!.columns,
    rows: group.flatMap(({ rows }) => rows),
  }));
}
