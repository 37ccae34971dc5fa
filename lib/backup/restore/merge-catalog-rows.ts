// An older catalog gets the rows that sessions of today need: without its workspace's row AGH does not start.
import { decodeRows, type RowsFile } from "../../formats/archive/rows.ts";
import type { Deps } from "../../records/deps.ts";
import { ToolError } from "../../records/error.ts";
import { readCatalog } from "../../sources/agh/home/databases.ts";
import { catalogFile } from "../../sources/agh/home/layout.ts";
import type { Meta } from "../../sources/agh/sessions/meta.ts";
import { listIndexedSessions, restoreArchivedRows, schemaDifferences } from "../../sources/agh/custody/restore-rows.ts";
import { readSessionDirs, listSessionNames } from "../../sources/agh/sessions/scan.ts";
import { readMigrations, readSessionRows } from "../../sources/agh/custody/session-rows.ts";
import { encodeWorkspaceRow } from "../../sources/agh/custody/workspace-lines.ts";
import { readWorkspaces } from "../../sources/agh/catalog/workspaces.ts";
import { changeDatabase } from "../../sqlite/change/change-database.ts";

/** Completes the catalog in `dir` for the sessions whose directories lie in `root`; returns how many rows were added. */
export function mergeCatalogRows(root: string, dir: string, deps: Deps): number {
  const metas = [...readSessionDirs(root, listSessionNames(root).sessions)].flatMap(({ meta }) => meta ?? []);
  const ids = metas.map(({ id }) => id);
  const missing = readCatalog(dir, deps, (db) => {
    const existing = listIndexedSessions(db, ids);
    return ids.filter((id) => !existing.has(id));
  });
  let rows = 0;
  const put = (files: readonly RowsFile[]): void => {
    if (files.length > 0) changeDatabase(catalogFile(dir), (db) => files.forEach((file) => (rows += putAll(db, file))));
  };
  put(readCatalogRows(root, dir, missing, deps));
  put(workspaceRows(dir, metas, deps));
  return rows;
}

const putAll = (db: Parameters<typeof restoreArchivedRows>[0], file: RowsFile): number =>
  restoreArchivedRows(db, file, true).inserted;

/** What the catalog of today says of them; [] where it cannot be read, or is of another schema. */
function readCatalogRows(root: string, dir: string, ids: readonly string[], deps: Deps): RowsFile[] {
  if (ids.length === 0) return [];
  try {
    const { of } = readCatalog(root, deps, (db) => readSessionRows(db, ids));
    const files = [...of.values()].map(({ lines }) => decodeRows(Buffer.from(lines)));
    const existing = readCatalog(dir, deps, readMigrations);
    return files.some((file) => schemaDifferences(file, existing).length > 0) ? [] : files;
  } catch (error) {
    if (error instanceof ToolError) return []; // damaged: that is why it is replaced
    throw error;
  }
}

/** Workspaces that nobody but the sessions' own files remembers. */
function workspaceRows(dir: string, metas: readonly Meta[], deps: Deps): RowsFile[] {
  const existing = new Set(readCatalog(dir, deps, readWorkspaces).map(({ id }) => id));
  const files: RowsFile[] = [];
  for (const meta of metas) {
    const lines = existing.has(meta.workspace_id) ? "" : encodeWorkspaceRow(meta);
    if (lines === "") continue;
    existing.add(meta.workspace_id);
    files.push(decodeRows(Buffer.from(lines)));
  }
  return files;
}
