// What the catalog says against what lies in the directories: one finding each, with a stable code.
import type { Deps } from "../../../records/deps.ts";
import type { Finding } from "../../../records/result-kinds.ts";
import type { Home } from "../../source.ts";
import type { SessionRow } from "../catalog/session-table.ts";
import { readCatalog } from "../home/databases.ts";
import type { Meta } from "../sessions/meta.ts";
import { rowDifferences } from "../catalog/row-differences.ts";
import { readSessionDirs, type SessionDir } from "../sessions/scan.ts";
import { readEvidence, type SessionEvidence } from "../sessions/evidence.ts";
import { readWorkspaces } from "../catalog/workspaces.ts";

type CatalogFinding = Pick<Finding, "id" | "code" | "severity" | "message" | "evidence">;

/**
 * In order of directories, then rows without one, then workspaces. A catalog that cannot be read is one finding and the
 * end. Of a running home the catalog and a meta may be a moment apart.
 */
export async function* compareCatalog(home: Home, deps: Deps): AsyncGenerator<Finding> {
  const stores = await readEvidence(home, deps);
  for (const found of compared(home, stores, deps)) {
    yield { kind: "finding", runtime: "agh", home: home.place, ...found };
  }
}

function* compared(home: Home, stores: SessionEvidence, deps: Deps): Generator<CatalogFinding> {
  if (stores.catalogError) {
    const { code, message } = stores.catalogError;
    yield { code: "CATALOG_UNREADABLE", severity: "error", message, evidence: { cause: code } };
    return;
  }
  const seen = new Map<string, Meta | undefined>();
  for (const dir of readSessionDirs(home.root, stores.names)) {
    deps.signal.throwIfAborted();
    if (seen.has(dir.id)) yield twice(dir);
    else yield* ofDirectory(dir, stores.rows.get(dir.id));
    if (!seen.has(dir.id)) seen.set(dir.id, dir.meta);
  }
  for (const [id, row] of stores.rows) if (!seen.has(id)) yield withoutDirectory(id, row, stores);
  yield* workspacesMissing(home, seen.values(), deps);
}

function* ofDirectory({ id, meta, problem, path }: SessionDir, row: SessionRow | undefined): Generator<CatalogFinding> {
  if (!meta) {
    const evidence = { path, trouble: problem, row_state: row?.text("state") ?? null };
    const message = `${problem}: AGH skips the session${row ? " and marks its row orphaned" : ""}`;
    yield { id, code: "META_UNUSABLE", severity: "error", message, evidence };
  } else if (!row) {
    const evidence = { path, state: meta.state, workspace_id: meta.workspace_id };
    const message = `${id} has no row in agh.db; AGH's next boot adds it`;
    yield { id, code: "SESSION_UNINDEXED", severity: "warn", message, evidence };
  } else {
    const columns = rowDifferences(row, meta);
    const names = Object.keys(columns);
    if (names.length === 0) return;
    const message = `the row of ${id} differs from its meta.json in ${names.join(", ")}; meta.json wins at AGH's next boot`;
    // AGH itself writes the meta once more after an agent has crashed.
    const severity = names.join() === "updated_at" ? "info" : "warn";
    yield { id, code: "ROW_DIFFERS", severity, message, evidence: { columns } };
  }
}

const twice = ({ id, name, path }: SessionDir): CatalogFinding => ({
  id: name,
  code: "SESSION_TWICE",
  severity: "warn",
  message: `${name} has the id ${id} too; AGH ignores it`,
  evidence: { path, session_id: id },
});

/** A row whose directory was archived or retired on purpose is worth knowing, not wrong. */
function withoutDirectory(
  id: string,
  row: SessionRow,
  { archives, tombstones, ledgers }: SessionEvidence,
): CatalogFinding {
  const archive = archives.get(id);
  const [tombstone, ledger] = [tombstones.has(id), ledgers.get(id)];
  const known = archive !== undefined || tombstone;
  return {
    id,
    code: known ? "SESSION_ARCHIVED" : "SESSION_DIRECTORY_MISSING",
    severity: known ? "info" : "warn",
    message: known ? `${id} is archived; its row stays` : `${id} has a row in agh.db and no directory`,
    evidence: { row_state: row.text("state"), updated_at: row.text("updated_at"), archive, tombstone, ledger },
  };
}

function* workspacesMissing(home: Home, metas: Iterable<Meta | undefined>, deps: Deps): Generator<CatalogFinding> {
  const there = new Set(readCatalog(home.root, deps, readWorkspaces).map(({ id }) => id));
  const missing = new Map<string, Meta[]>();
  for (const meta of metas) {
    if (!meta || there.has(meta.workspace_id)) continue;
    missing.set(meta.workspace_id, [...(missing.get(meta.workspace_id) ?? []), meta]);
  }
  for (const [id, sessions] of [...missing].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const root_dir = sessions.find(({ sandbox }) => sandbox?.runtime_root_dir)?.sandbox?.runtime_root_dir ?? null;
    yield {
      id,
      code: "WORKSPACE_MISSING",
      severity: "error",
      message: `agh.db has no workspace ${id}: AGH refuses to start (FOREIGN KEY constraint failed)`,
      evidence: { root_dir, sessions: sessions.map((meta) => meta.id) },
    };
  }
}
