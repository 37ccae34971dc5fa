// The new database that salvaged rows go into: the old schema, made under guard; rows one by one; indexes and FTS last.
import { constants, DatabaseSync, type StatementSync } from "node:sqlite";
import { fileUri } from "../../files/os-path.ts";
import type { CarvedValue } from "./carve-record.ts";
import type { Rowid } from "./carve-page.ts";
import { checkIntegrity } from "../read/integrity-check.ts";
import type { SchemaEntry } from "./recover-schema.ts";
import { quoted } from "../schema.ts";
import { readTableShape, type TableShape } from "./table-shape.ts";
import { sqliteCode } from "../errors.ts";

const { SQLITE_OK, SQLITE_DENY } = constants;

/** A schema from a broken or hostile file does nothing but make what it names. */
const DENIED = new Set([
  constants.SQLITE_ATTACH,
  constants.SQLITE_DETACH,
  constants.SQLITE_ALTER_TABLE,
  constants.SQLITE_DROP_TABLE,
  constants.SQLITE_DROP_INDEX,
  constants.SQLITE_DROP_TRIGGER,
  constants.SQLITE_DROP_VIEW,
  constants.SQLITE_DROP_VTABLE,
  constants.SQLITE_CREATE_TEMP_TABLE,
  constants.SQLITE_CREATE_TEMP_INDEX,
  constants.SQLITE_CREATE_TEMP_TRIGGER,
  constants.SQLITE_CREATE_TEMP_VIEW,
  constants.SQLITE_RECURSIVE,
]);

const CONSTRAINT = 19;
const MODULE = /^\s*CREATE\s+VIRTUAL\s+TABLE\b.*?\bUSING\s+(\w+)/is;

export type InsertOutcome = "ok" | "duplicate" | "refused";

export class SalvageOutput {
  readonly db: DatabaseSync;
  readonly shapes = new Map<string, TableShape>();
  /** What could not be made, by name, and why. */
  readonly leftOut = new Map<string, string>();
  #entries: readonly SchemaEntry[];
  #virtual: SchemaEntry[];
  #inserts = new Map<string, StatementSync>();
  #sequences: [table: string, last: bigint][] = [];

  /** Without a file the database is SQLite's own temporary one, gone when it is closed. */
  constructor(file: string | undefined, pageSize: number, entries: readonly SchemaEntry[]) {
    this.#entries = entries;
    this.db = new DatabaseSync(file === undefined ? "" : fileUri(file), { allowExtension: false });
    this.db.exec(
      `PRAGMA page_size=${pageSize}; PRAGMA trusted_schema=OFF; PRAGMA foreign_keys=OFF; PRAGMA synchronous=OFF; PRAGMA journal_mode=MEMORY`,
    );
    this.db.setAuthorizer((action) => (DENIED.has(action) ? SQLITE_DENY : SQLITE_OK));
    this.#virtual = entries.filter((entry) => entry.type === "table" && MODULE.test(entry.sql ?? ""));
    this.db.exec("BEGIN");
    this.#makeTables();
  }

  /** Tables, and the indexes that keep a row from coming twice; the others are built faster when all rows are in. */
  #makeTables(): void {
    for (const entry of this.#entries) {
      if (entry.type !== "table" || this.#virtual.includes(entry) || this.#isShadow(entry.name)) continue;
      if (entry.name.startsWith("sqlite_")) continue;
      if (this.#make(entry)) this.shapes.set(entry.name, readTableShape(this.db, entry.name));
    }
    for (const entry of this.#indexes()) if (isUnique(entry)) this.#make(entry);
  }

  #indexes = (): SchemaEntry[] =>
    this.#entries.filter((entry) => entry.type === "index" && entry.sql !== null && this.shapes.has(entry.table));

  #isShadow(name: string): boolean {
    return this.#virtual.some((virtual) => SHADOWS.some((suffix) => name === virtual.name + suffix));
  }

  #make(entry: SchemaEntry): boolean {
    try {
      // Prepared, so that a second statement in the text is not run; CREATE … AS SELECT is never stored by SQLite.
      const sql = entry.sql ?? "";
      if (!/^\s*CREATE\s/i.test(sql)) throw new Error("not a CREATE statement");
      if (entry.type === "table" && /^[^('"]*\sAS\s/i.test(sql)) throw new Error("a table created from a query");
      this.db.prepare(sql).run();
      return true;
    } catch (error) {
      this.leftOut.set(entry.name, (error as Error).message);
      return false;
    }
  }

  /** Puts a row in. Duplicate: a row with its rowid or one of its keys is there. Refused: the table's rules forbid it. */
  insert(shape: TableShape, rowid: Rowid, values: readonly (CarvedValue | undefined)[]): InsertOutcome {
    const given = values.map((value, at) => ({ value: at === shape.alias ? undefined : value, at }));
    const kept = given.filter(({ at }) => at !== shape.alias && !shape.columns[at]!.generated);
    const statement = this.#insertOf(
      shape,
      kept.map(({ at }) => at),
    );
    try {
      statement.run(BigInt(rowid), ...kept.map(({ value }) => value ?? null));
      return "ok";
    } catch (error) {
      if (sqliteCode(error) !== CONSTRAINT) throw error;
      return DUPLICATES.has((error as { errcode: number }).errcode >> 8) ? "duplicate" : "refused";
    }
  }

  #insertOf(shape: TableShape, columns: readonly number[]): StatementSync {
    const key = `${shape.table} ${columns.length}`;
    const known = this.#inserts.get(key);
    if (known) return known;
    const names = [shape.rowid, ...columns.map((at) => quoted(shape.columns[at]!.name))];
    const marks = names.map(() => "?").join(", ");
    const made = this.db.prepare(`INSERT INTO ${quoted(shape.table)} (${names.join(", ")}) VALUES (${marks})`);
    this.#inserts.set(key, made);
    return made;
  }

  /** Whether a row of this rowid is there. */
  has(shape: TableShape, rowid: Rowid): boolean {
    const key = `? ${shape.table}`;
    const statement =
      this.#inserts.get(key) ?? this.db.prepare(`SELECT 1 FROM ${quoted(shape.table)} WHERE ${shape.rowid} = ?`);
    this.#inserts.set(key, statement);
    return statement.get(BigInt(rowid)) !== undefined;
  }

  /** AUTOINCREMENT goes on from here, also where the last rows were deleted. */
  keepSequence(table: string, last: bigint): void {
    this.#sequences.push([table, last]);
  }

  /** Indexes, FTS, views, triggers; committed and checked. What SQLite says is wrong: [] when it is sound. */
  finish(): string[] {
    for (const entry of this.#indexes()) if (!isUnique(entry)) this.#make(entry);
    for (const [table, last] of this.#sequences) this.#setSequence(table, last);
    for (const entry of this.#virtual) this.#makeVirtual(entry);
    for (const entry of this.#entries) if (entry.type === "view") this.#make(entry);
    for (const entry of this.#entries) if (entry.type === "trigger") this.#make(entry);
    this.db.exec("COMMIT");
    return checkIntegrity(this.db, "full");
  }

  #setSequence(table: string, last: bigint): void {
    if (!this.shapes.has(table) || !this.#hasSequences()) return;
    const { changes } = this.db.prepare("UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = ?").run(last, table);
    if (changes === 0) this.db.prepare("INSERT INTO sqlite_sequence(name, seq) VALUES (?, ?)").run(table, last);
  }

  #hasSequences = (): boolean => this.db.prepare("PRAGMA main.table_list(sqlite_sequence)").get() !== undefined;

  /** Only full text over a table that is here: its index is built anew from that table's rows. */
  #makeVirtual(entry: SchemaEntry): void {
    const isExternal = /\bcontent\s*=\s*['"]?\w/i.test(entry.sql ?? "");
    if (MODULE.exec(entry.sql ?? "")?.[1]?.toLowerCase() !== "fts5" || !isExternal) {
      this.leftOut.set(entry.name, "a virtual table whose content is stored nowhere else");
      return;
    }
    if (!this.#make(entry)) return;
    try {
      const name = quoted(entry.name);
      this.db.prepare(`INSERT INTO ${name}(${name}) VALUES ('rebuild')`).run();
    } catch (error) {
      this.leftOut.set(entry.name, `created, but not filled: ${(error as Error).message}`);
    }
  }
}

/** PRIMARY KEY, UNIQUE and ROWID among SQLite's extended codes. */
const DUPLICATES = new Set([6, 8, 10]);
const SHADOWS = ["_data", "_idx", "_content", "_docsize", "_config"];
const isUnique = ({ sql }: SchemaEntry): boolean => /^\s*CREATE\s+UNIQUE\s/i.test(sql ?? "");
