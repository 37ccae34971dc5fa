// Whether the catalog of a home has the rows of sessions, or would take them.
import type { DatabaseSync } from "node:sqlite";
import type { RowsFile } from "../../../formats/archive/rows.ts";
import type { Deps } from "../../../records/deps.ts";
import type { RowsConflict, RowsState, SessionParts } from "../../custody.ts";
import type { Home } from "../../source.ts";
import { readCatalog } from "../home/databases.ts";
import {
  findWorkspaceConflict,
  foreignTableIn,
  listIndexedSessions,
  rowsExistIn,
  schemaDifferences,
} from "./restore-rows.ts";
import { readCatalogSchema, readMigrations } from "./session-rows.ts";

/** Sessions whose rows are in memory at a time. */
const ROWS_OF = 32;

/** What the catalog says without a look at the sessions' rows; those are read where the catalog has another schema. */
export async function compareIndexed(
  home: Home,
  sessions: readonly SessionParts[],
  deps: Deps,
): Promise<readonly RowsState[]> {
  const ids = sessions.map(({ id }) => id);
  const { indexed, sha256, migrations } = readCatalog(home.root, deps, (db) => ({
    indexed: listIndexedSessions(db, ids),
    sha256: readCatalogSchema(db).sha256,
    migrations: readMigrations(db),
  }));
  const states: RowsState[] = [];
  for (const parts of sessions) {
    if (parts.schema === undefined || indexed.has(parts.id)) states.push({ state: "present" });
    else if (parts.schema.sha256 === sha256) states.push({ state: "missing" });
    else states.push(schemaConflict(home, parts, await parts.rows(), migrations) ?? { state: "missing" });
  }
  return states;
}

/** Looks for every row. */
export async function compareEveryRow(
  home: Home,
  sessions: readonly SessionParts[],
  deps: Deps,
): Promise<readonly RowsState[]> {
  const states: RowsState[] = [];
  for (let at = 0; at < sessions.length; at += ROWS_OF) {
    deps.signal.throwIfAborted();
    const batch = await Promise.all(
      sessions.slice(at, at + ROWS_OF).map(async (parts) => ({ parts, rows: await parts.rows() })),
    );
    states.push(
      ...readCatalog(home.root, deps, (db) => {
        const areThere = rowsExistIn(db);
        const migrations = readMigrations(db);
        return batch.map(({ parts, rows }): RowsState => {
          const stranger = foreignTableIn(rows, parts.id);
          if (stranger !== undefined) return hostile(stranger);
          if (areThere(rows, parts.homeId === home.id)) return { state: "present" };
          const schema = parts.schema === undefined ? undefined : schemaConflict(home, parts, rows, migrations);
          return schema ?? workspaceConflict(db, parts, rows) ?? { state: "missing" };
        });
      }),
    );
  }
  return states;
}

const hostile = (table: string): RowsConflict => ({
  state: "conflict",
  code: "E_HOSTILE_ROWS",
  reason: `a row of ${table} that belongs to another session`,
});

/** Its own home may have moved on; another one must be the same. */
function schemaConflict(
  home: Home,
  { id, homeId }: SessionParts,
  rows: RowsFile,
  migrations: readonly string[],
): RowsConflict | undefined {
  const differences = schemaDifferences(rows, migrations);
  const matters = homeId === home.id ? differences.filter((text) => text.startsWith("the home lacks")) : differences;
  if (matters.length === 0) return undefined;
  const more = matters.length > 3 ? `; and ${matters.length - 3} more` : "";
  return {
    state: "conflict",
    code: "E_SCHEMA_DIFFERS",
    reason: `session ${id} does not fit the catalog of ${home.place}: ${matters.slice(0, 3).join("; ")}${more}`,
    hint: "start the daemon once so that it migrates its catalog, or use the version of AGH that wrote the session",
  };
}

function workspaceConflict(db: DatabaseSync, { id }: SessionParts, rows: RowsFile): RowsConflict | undefined {
  const conflict = findWorkspaceConflict(db, rows);
  if (conflict === undefined) return undefined;
  const hint = "rename or remove that workspace first";
  return { state: "conflict", code: "E_WORKSPACE_TAKEN", reason: `session ${id}: ${conflict}`, hint };
}
