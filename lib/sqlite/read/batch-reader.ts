// Very many databases read one after another through one connection: opening each for itself costs three times as much.
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { fileUri } from "../../files/os-path.ts";
import { isResting, noteExisting, readConsistently, type ReadOptions } from "./open.ts";
import { pause } from "../pause.ts";
import { toDatabaseError } from "../errors.ts";

const TRIES = 50;
/** A file that was written to within the kernel's tick cannot be told from one that is being written to. */
const SETTLE_MS = 20;

export interface BatchReaderOptions {
  readonly table: string;
  /** The error for a database in which the table is not an ordinary one. */
  readonly foreign: (file: string) => Error;
}

/** Reads one table of many databases; statements about it, by its plain name, may be kept from one to the next. */
export class BatchReader implements Disposable {
  readonly #batch: BatchReaderOptions;
  readonly #options: ReadOptions;
  readonly #db: DatabaseSync;
  readonly #attach: StatementSync;
  readonly #detach: StatementSync;
  readonly #find: StatementSync;

  constructor(batch: BatchReaderOptions, options: ReadOptions) {
    this.#batch = batch;
    this.#options = options;
    this.#db = new DatabaseSync(":memory:", { timeout: 5000, allowExtension: false, defensive: true });
    this.#db.exec("PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON; PRAGMA query_only=ON");
    this.#attach = this.#db.prepare("ATTACH ? AS passing");
    this.#detach = this.#db.prepare("DETACH passing");
    this.#db.exec("ATTACH ':memory:' AS passing");
    this.#find = this.#db.prepare(ONE_TABLE("passing."));
    this.#detach.run();
  }

  /** As readConsistently: `read` may run again, and must have no effects until it returns. Throws the same errors. */
  read<T>(file: string, read: (db: DatabaseSync) => T): T {
    for (let tries = 1; tries <= TRIES; tries++) {
      this.#options.signal?.throwIfAborted();
      const cut = noteExisting(file);
      if (cut.wal || cut.journal) break;
      try {
        const result = this.#inPlace(file, read);
        if (isResting(file, cut)) return result;
      } catch (error) {
        if (isResting(file, cut)) throw toDatabaseError(file, error);
      }
      pause(SETTLE_MS, this.#options.signal);
    }
    return readConsistently(file, this.#options, (db) => {
      this.#assertTable(file, db.prepare(ONE_TABLE("")));
      return read(db);
    });
  }

  [Symbol.dispose](): void {
    this.#db.close();
  }

  #inPlace<T>(file: string, read: (db: DatabaseSync) => T): T {
    this.#attach.run(fileUri(file, { mode: "ro", immutable: 1 }));
    try {
      this.#assertTable(file, this.#find);
      return read(this.#db);
    } finally {
      this.#detach.run();
    }
  }

  #assertTable(file: string, find: StatementSync): void {
    if (!find.get(this.#batch.table)) throw this.#batch.foreign(file);
  }
}

// A virtual table has no root page, and a view is of another type.
const ONE_TABLE = (schema: string): string =>
  `SELECT 1 FROM ${schema}sqlite_schema WHERE type = 'table' AND rootpage > 0 AND name = ?`;
