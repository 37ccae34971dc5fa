// An older catalog gets the rows that sessions of today need: without its workspace's row AGH does not start.
import { existsSync } from "node:fs";
import { osPath } from "../../../files/os-path.ts";
import { decodeRows, type RowsFile } from "../../../formats/archive/rows.ts";
import type { Deps } from "../../../records/deps.ts";
import { ToolError } from "../../../records/error.ts";
import { changeDatabase } from "../../../sqlite/change/change-database.ts";
import { readWorkspaces } from "../catalog/workspaces.ts";
import { readCatalog } from "../home/databases.ts";
import { catalogFile } from "../home/layout.ts";
import type { Meta } from "../sessions/meta.ts";
import { listSessionNames, readSessionDirs } from "../sessions/scan.ts";
import { listIndexedSessions, restoreArchivedRows, schemaDifferences } from "./restore-rows.ts";
import { readMigrations, readSessionRows } from "./session-rows.ts";
import { encodeWorkspaceRow } from "./workspace-lines.ts";

/** Completes the catalog in `dir`, where there is one, for the sessions whose directories lie in `root`. */
export function completeCatalog(root: string, dir: string, deps: Deps): void {
  if (!existsSync(osPath(catalogFile(dir)))) return;
  const metas = [...readSessionDirs(root, listSessionNames(root).sessions)].flatMap(({ meta }) => meta ?? []);
  const ids = metas.map(({ id }) => id);
  const missing = readCatalog(dir, deps, (db) => {
    const existing = listIndexedSessions(db, ids);
    return ids.filter((id) => !existing.has(id));
  });
  putRows(dir, catalogRows(root, dir, missing, deps));
  putRows(dir, workspaceRows(dir, metas, deps));
}

function putRows(dir: string, files: readonly RowsFile[]): void {
  if (files.length === 0) return;
  changeDatabase(catalogFile(dir), (db) => {
    for (const file of files) restoreArchivedRows(db, file, true);
  });
}

/** What the catalog of today says of them; [] where it cannot be read, or is of another schema. */
function catalogRows(root: string, dir: string, ids: readonly string[], deps: Deps): RowsFile[] {
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
