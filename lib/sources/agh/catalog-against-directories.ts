// What the catalog says against what lies in the directories: one finding each, with a stable code.
import type { Deps } from "../../records/deps.ts";
import type { Finding } from "../../records/judgements.ts";
import type { Home } from "../source.ts";
import type { SessionRow } from "./catalog.ts";
import { readCatalog } from "./databases.ts";
import type { Meta } from "./meta.ts";
import { rowDifferences } from "./row-differences.ts";
import { sessionDirs, type SessionDir } from "./scan.ts";
import { readStores, type Stores } from "./stores.ts";
import { workspaces } from "./workspaces.ts";

type Found = Pick<Finding, "id" | "code" | "severity" | "message" | "evidence">;

/**
 * In order of directories, then rows without one, then workspaces. A catalog that cannot be read is one finding and the
 * end. Of a running home the catalog and a meta may be a moment apart.
 */
export async function* compareCatalog(home: Home, deps: Deps): AsyncGenerator<Finding> {
  const stores = await readStores(home, deps);
  for (const found of compared(home, stores, deps)) {
    yield { kind: "finding", runtime: "agh", home: home.place, ...found };
  }
}

function* compared(home: Home, stores: Stores, deps: Deps): Generator<Found> {
  if (stores.catalogTrouble) {
    const { code, message } = stores.catalogTrouble;
    yield { code: "CATALOG_UNREADABLE", severity: "error", message, evidence: { cause: code } };
    return;
  }
  const seen = new Map<string, Meta | undefined>();
  for (const dir of sessionDirs(home.root, stores.names)) {
    deps.signal.throwIfAborted();
    if (seen.has(dir.id)) yield twice(dir);
    else yield* ofDirectory(dir, stores.rows.get(dir.id));
    if (!seen.has(dir.id)) seen.set(dir.id, dir.meta);
  }
  for (const [id, row] of stores.rows) if (!seen.has(id)) yield withoutDirectory(id, row, stores);
  yield* workspacesMissing(home, seen.values(), deps);
}

function* ofDirectory({ id, meta, trouble, path }: SessionDir, row: SessionRow | undefined): Generator<Found> {
  if (!meta) {
    const evidence = { path, trouble, row_state: row?.text("state") ?? null };
    const message = `${trouble}: AGH skips the session${row ? " and marks its row orphaned" : ""}`;
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

const twice = ({ id, name, path }: SessionDir): Found => ({
  id: name,
  code: "SESSION_TWICE",
  severity: "warn",
  message: `${name} has the id ${id} too; AGH ignores it`,
  evidence: { path, session_id: id },
});

/** A row whose directory was archived or retired on purpose is worth knowing, not wrong. */
function withoutDirectory(id: string, row: SessionRow, { archives, tombstones, ledgers }: Stores): Found {
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

function* workspacesMissing(home: Home, metas: Iterable<Meta | undefined>, deps: Deps): Generator<Found> {
  const there = new Set(readCatalog(home.root, deps, workspaces).map(({ id }) => id));
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
