// An older catalog gets the rows that sessions of today need: without its workspace's row AGH does not start.
import { decodeRows, type RowsFile } from "../formats/rows.ts";
import type { Deps } from "../records/deps.ts";
import { ToolError } from "../records/error.ts";
import { readCatalog } from "../sources/agh/databases.ts";
import { catalogFile } from "../sources/agh/layout.ts";
import type { Meta } from "../sources/agh/meta.ts";
import { indexedSessions, putRows, schemaDifferences } from "../sources/agh/put-rows.ts";
import { sessionDirs, sessionNames } from "../sources/agh/scan.ts";
import { migrations, readSessionRows } from "../sources/agh/session-rows.ts";
import { workspaceLines } from "../sources/agh/workspace-lines.ts";
import { workspaces } from "../sources/agh/workspaces.ts";
import { changeDatabase } from "../sqlite/change.ts";

/** Completes the catalog in `dir` for the sessions whose directories lie in `root`; resolves to how many rows came. */
export function rescueRows(root: string, dir: string, deps: Deps): number {
  const metas = [...sessionDirs(root, sessionNames(root).sessions)].flatMap(({ meta }) => meta ?? []);
  const ids = metas.map(({ id }) => id);
  const missing = readCatalog(dir, deps, (db) => {
    const there = indexedSessions(db, ids);
    return ids.filter((id) => !there.has(id));
  });
  let rows = 0;
  const put = (files: readonly RowsFile[]): void => {
    if (files.length > 0) changeDatabase(catalogFile(dir), (db) => files.forEach((file) => (rows += putAll(db, file))));
  };
  put(fromCatalog(root, dir, missing, deps));
  put(fromMetas(dir, metas, deps));
  return rows;
}

const putAll = (db: Parameters<typeof putRows>[0], file: RowsFile): number => putRows(db, file, true).inserted;

/** What the catalog of today says of them; [] where it cannot be read, or is of another schema. */
function fromCatalog(root: string, dir: string, ids: readonly string[], deps: Deps): RowsFile[] {
  if (ids.length === 0) return [];
  try {
    const { of } = readCatalog(root, deps, (db) => readSessionRows(db, ids));
    const files = [...of.values()].map(({ lines }) => decodeRows(Buffer.from(lines)));
    const there = readCatalog(dir, deps, migrations);
    return files.some((file) => schemaDifferences(file, there).length > 0) ? [] : files;
  } catch (error) {
    if (error instanceof ToolError) return []; // damaged: that is why it is replaced
    throw error;
  }
}

/** Workspaces that nobody but the sessions' own files remembers. */
function fromMetas(dir: string, metas: readonly Meta[], deps: Deps): RowsFile[] {
  const there = new Set(readCatalog(dir, deps, workspaces).map(({ id }) => id));
  const files: RowsFile[] = [];
  for (const meta of metas) {
    const lines = there.has(meta.workspace_id) ? "" : workspaceLines(meta);
    if (lines === "") continue;
    there.add(meta.workspace_id);
    files.push(decodeRows(Buffer.from(lines)));
  }
  return files;
}
