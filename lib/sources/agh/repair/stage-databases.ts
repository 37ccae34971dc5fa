// The databases that repairs change, made anew beside the home: agh.db with its rows repaired, and what takes the place of a broken one.
import { copyFileSync, existsSync, rmSync } from "node:fs";
import { basename } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { joinPath, osPath } from "../../../files/os-path.ts";
import type { Deps } from "../../../records/deps.ts";
import { ToolError } from "../../../records/error.ts";
import { changeDatabase } from "../../../sqlite/change/change-database.ts";
import { checkpointWal } from "../../../sqlite/change/checkpoint.ts";
import { copyCut, noteCut } from "../../../sqlite/copy/cut.ts";
import { busy } from "../../../sqlite/errors.ts";
import { pause } from "../../../sqlite/pause.ts";
import type { ChosenRepair } from "../../repair.ts";
import type { CheckContext } from "../checks/check-types.ts";
import type { Totals } from "../checks/token-totals.ts";
import { CATALOG, catalogFile } from "../home/layout.ts";
import { insertWorkspace, markProcessStale, writeTotals } from "./catalog-rows.ts";
import type { Staging } from "./staging.ts";

export function stageDatabases(repairs: readonly ChosenRepair[], { home, deps }: CheckContext, staging: Staging): void {
  const stage = new DatabaseStaging(home.root, staging, deps);
  const path = catalogFile(home.root);
  const rows = repairs.filter(({ repair: { verb } }) => ROW_REPAIRS[verb] !== undefined);
  const catalog = repairs.find(
    ({ repair, replacement }) => replacement !== undefined && repair.subject["path"] === path,
  );
  if (catalog || rows.length > 0) stage.catalog(path, catalog, rows);
  for (const one of repairs) if (one.replacement !== undefined && one !== catalog) stage.replacement(one);
}

type RowRepair = (db: DatabaseSync, chosen: ChosenRepair, now: Date) => void;

const ROW_REPAIRS: { readonly [verb: string]: RowRepair | undefined } = {
  "add-workspace": (db, { repair: { subject } }, now) =>
    insertWorkspace(db, String(subject["workspace_id"]), String(subject["root_dir"]), now),
  "stale-process": (db, { repair: { subject } }, now) => markProcessStale(db, String(subject["process_id"]), now),
  "recompute-totals": (db, { repair: { subject }, found }) =>
    writeTotals(db, String(subject["session_id"]), (found.evidence as { usage: Totals }).usage),
};

class DatabaseStaging {
  readonly #root: string;
  readonly #staging: Staging;
  readonly #deps: Deps;

  constructor(root: string, staging: Staging, deps: Deps) {
    this.#root = root;
    this.#staging = staging;
    this.#deps = deps;
  }

  catalog(path: string, chosen: ChosenRepair | undefined, rows: readonly ChosenRepair[]): void {
    const file = this.#staging.freshPath(path);
    if (chosen) copyFileSync(osPath(catalogFile(chosen.replacement!)), osPath(file));
    else this.#copyFolded(path, file);
    if (rows.length > 0) {
      changeDatabase(file, (db) => {
        for (const one of rows) ROW_REPAIRS[one.repair.verb]!(db, one, this.#deps.now());
      });
    }
    this.#swap(path, file);
    if (chosen) this.#removeSetAside(chosen, path);
  }

  replacement(chosen: ChosenRepair): void {
    const path = String(chosen.repair.subject["path"]);
    const file = this.#staging.freshPath(path);
    copyFileSync(osPath(joinPath(chosen.replacement!, basename(path))), osPath(file));
    this.#swap(path, file);
    this.#removeSetAside(chosen, path);
  }

  /**
   * A WAL belongs to the file it lies beside. Where it holds something, the file gets that folded in first: with or
   * without the WAL it is the same database then, and the WAL can go before the new file comes.
   */
  #swap(path: string, file: string): void {
    const group = this.#groupOf(path);
    const mode = basename(path) === CATALOG ? 0o600 : 0o644;
    const { main, wal, journal } = noteCut(path);
    if (main && (wal || journal)) {
      const folded = this.#staging.freshPath(path);
      if (this.#tryCopyFolded(path, folded)) this.#staging.stageReplacement(path, folded, { group, mode });
    }
    if (wal || journal) {
      for (const suffix of ["-wal", "-shm", "-journal"]) this.#staging.stageRemoval(path + suffix, { group });
    }
    this.#staging.stageReplacement(path, file, { group, mode });
  }

  #groupOf(path: string): string {
    return path.slice(this.#root.length + 1);
  }

  /** What was put back is no evidence any more. */
  #removeSetAside({ repair: { verb, subject } }: ChosenRepair, path: string): void {
    if (verb !== "put-back") return;
    for (const suffix of ["", "-wal", "-shm", "-journal"]) {
      const file = `${String(subject["from"])}${suffix}`;
      if (existsSync(osPath(file))) this.#staging.stageRemoval(file, { group: this.#groupOf(path) });
    }
  }

  /** The whole database, WAL and hot journal in it. */
  #copyFolded(path: string, file: string): void {
    for (let tries = 1; tries <= 50; tries++) {
      for (const suffix of ["", "-wal", "-journal"]) rmSync(osPath(file + suffix), { force: true });
      const cut = noteCut(path);
      if (!cut.fresh && copyCut(path, cut, file) === "same") return checkpointWal(file);
      pause(20, this.#deps.signal);
    }
    throw busy(`${path} is being written to, and not by AGH's daemon`);
  }

  /** What is broken cannot be folded; it is no loss then. A disk that fails or is full is no proof of that. */
  #tryCopyFolded(path: string, file: string): boolean {
    try {
      this.#copyFolded(path, file);
      return true;
    } catch (error) {
      if (error instanceof ToolError && BROKEN.has(error.code)) return false;
      throw error;
    }
  }
}

const BROKEN: ReadonlySet<string> = new Set(["E_CORRUPT", "E_NOT_A_DATABASE", "E_EMPTY_DATABASE", "E_NOT_FOLDED"]);
