// What a listing says of a database that was just copied: whether it can be sound, and what is counted in it.
import type { DatabaseLine, SessionLine } from "../../formats/repository/listing.ts";
import { SEQUENCE } from "../../formats/repository/listing.ts";
import type { CountedSessions, CountedTables } from "../../sources/contents.ts";
import { readTableRows } from "../../sqlite/read/btree.ts";
import { findColumnPlace } from "../../sqlite/read/column-place.ts";
import { countByColumn, countByIndex, countRows, textOf } from "../../sqlite/read/count-rows.ts";
import { readLastRow } from "../../sqlite/read/last-row.ts";
import type { Bytes, Pages } from "../../sqlite/read/pages.ts";
import { lookAt, type SchemaObject } from "../../sqlite/read/quick-look.ts";

export type InspectedDatabase = Pick<
  DatabaseLine,
  "pages" | "last_sequence" | "damaged" | "tables" | "rows" | "born" | "first" | "issued"
> & {
  /** In order of id; undefined where its sessions are no rows, or cannot be read. */
  readonly sessionLines?: readonly SessionLine[];
};

/** `hasEvents`: it has events of a session, so that their last sequence is read. */
export function inspectDatabase(
  { main, wal }: { readonly main: Bytes; readonly wal?: Bytes | undefined },
  { counted, hasEvents }: { readonly counted: CountedTables | undefined; readonly hasEvents: boolean },
): InspectedDatabase {
  const { damaged, pages, schema } = lookAt(main, wal);
  const last = { pages: pages?.pageCount ?? null, last_sequence: hasEvents && pages ? lastSequence(pages) : null };
  if (damaged !== undefined || !pages) return { ...last, damaged: damaged ?? "cannot be read" };
  const tables = new Tables(pages, schema);
  const { names } = tables;
  if (!counted) return { ...last, tables: names };
  const missing = counted.tables.filter((name) => !names.includes(name));
  if (missing.length > 0)
    return { ...last, damaged: `lacks the ${nounOf(missing)} ${missing.join(", ")}`, tables: names };
  const rows = Object.fromEntries(counted.tables.map((name) => [name, tables.count(name)]));
  const broken = counted.tables.find((name) => rows[name] === undefined);
  if (broken !== undefined) return { ...last, damaged: `has damaged pages in table ${broken}`, tables: names };
  const { born, first, sessions } = counted;
  return {
    ...last,
    tables: names,
    rows: rows as { [table: string]: number },
    ...defined("born", born && tables.firstValue(born)),
    ...defined("first", first && tables.firstValue(first)),
    ...defined("issued", sessions?.events && tables.issued(sessions.events.table)),
    ...(sessions && { sessionLines: tables.sessions(sessions) }),
  };
}

const nounOf = (names: readonly string[]): string => (names.length === 1 ? "table" : "tables");

const defined = <Key extends string, Value>(key: Key, value: Value | undefined): { [key in Key]?: Value } =>
  (value === undefined ? {} : { [key]: value }) as { [key in Key]?: Value };

function lastSequence(pages: Pages): number | null {
  const row = readLastRow(pages, SEQUENCE.table, SEQUENCE.column);
  const sequence = row === null ? 0 : Number(row?.value);
  return row !== undefined && Number.isSafeInteger(sequence) ? sequence : null;
}

interface ColumnOf {
  readonly table: string;
  readonly column: string;
}

class Tables {
  readonly #pages: Pages;
  readonly #schema: readonly SchemaObject[];

  constructor(pages: Pages, schema: readonly SchemaObject[]) {
    this.#pages = pages;
    this.#schema = schema;
  }

  /** Of its ordinary tables, SQLite's own left out. */
  get names(): string[] {
    const own = this.#schema.filter(
      ({ type, name, root }) => type === "table" && root > 0 && !name.startsWith("sqlite_"),
    );
    return own.map(({ name }) => name).sort();
  }

  count(table: string): number | undefined {
    const found = this.#find(table);
    return found && countRows(this.#pages, found.root);
  }

  firstValue({ table, column }: ColumnOf): string | undefined {
    for (const values of this.#rowsOf(table, [column])) return values[0];
    return undefined;
  }

  /** Where AUTOINCREMENT stands. */
  issued(table: string): number | undefined {
    for (const [name, issued] of this.#rowsOf("sqlite_sequence", ["name", "seq"])) {
      if (name === table) return Number(issued);
    }
    return undefined;
  }

  sessions({ table, id, at, parent, events }: CountedSessions): SessionLine[] {
    const counts = events ? this.#countBy({ table: events.table, column: events.session }) : undefined;
    const lines: SessionLine[] = [];
    for (const [key, time, above] of this.#rowsOf(table, [id, at, parent])) {
      if (key === undefined) continue;
      const rows = counts && { events: counts.get(key) ?? 0 };
      counts?.delete(key);
      lines.push({ id: key, ...rows, ...defined("at", time), ...defined("parent", above) });
    }
    for (const [key, rows] of counts ?? []) lines.push({ id: key, events: rows, orphan: true });
    return lines.sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
  }

  #find(table: string): SchemaObject | undefined {
    return this.#schema.find(({ type, name, root }) => type === "table" && name === table && root > 0);
  }

  /** The columns' values as text; a row that cannot be read is left out. */
  *#rowsOf(table: string, columns: readonly (string | undefined)[]): Generator<(string | undefined)[]> {
    const found = this.#find(table);
    if (!found) return;
    const places = columns.map((column) => (column === undefined ? undefined : findColumnPlace(found.sql, column)));
    for (const row of readTableRows(this.#pages, found.root)) {
      if (!row) continue;
      yield places.map((place) => {
        if (!place) return undefined;
        return place.isRowid ? String(row.rowid) : textOf(row.column(place.position));
      });
    }
  }

  #countBy({ table, column }: ColumnOf): Map<string, number> | undefined {
    const index = this.#schema.find(
      (entry) => entry.type === "index" && entry.table === table && begins(entry, column),
    );
    const counts = index && countByIndex(this.#pages, index.root);
    if (counts) return counts;
    const found = this.#find(table);
    const place = found && findColumnPlace(found.sql, column);
    return found && place && countByColumn(this.#pages, found.root, place.position);
  }
}

/** Whether every row of its table is in an index, by this column first. */
function begins({ sql }: SchemaObject, column: string): boolean {
  const [, first, rest] = /\(\s*["`[]?(\w+)["`\]]?\s*([,)].*)$/s.exec(sql) ?? [];
  return first === column && !/\bWHERE\b/i.test(rest ?? "");
}
