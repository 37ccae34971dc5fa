// What AGH's boot does to the sessions: metas rewritten, events repaired, then the catalog brought up to date from the metas.
import type { Deps } from "../../../records/deps.ts";
import type { Home } from "../../source.ts";
import type { BootCatalog, BootChange } from "./boot-catalog.ts";
import type { Meta } from "../sessions/meta.ts";
import { classifyMeta } from "./classify-meta.ts";
import { REPAIRED_STOP_REASONS, predictBootRepair } from "./event-repair.ts";
import { rowDifferences } from "../catalog/row-differences.ts";
import { readSessionDirs, listSessionNames, type SessionDir } from "../sessions/scan.ts";
import { isDirectory } from "../catalog/workspaces.ts";

export interface BootSessions {
  /** Done in any case. */
  readonly repairs: readonly BootChange[];
  /** Done in one transaction at the end, if nothing is refused. */
  readonly reconciled: readonly BootChange[];
  readonly refusals: readonly string[];
}

export function predictBootSessions(home: Home, catalog: BootCatalog, deps: Deps): BootSessions {
  const repairs: BootChange[] = [];
  const reconciled: BootChange[] = [];
  const metas = new Map<string, Meta>();
  for (const dir of readSessionDirs(home.root, listSessionNames(home.root).sessions)) {
    deps.signal.throwIfAborted();
    const problem = dir.problem ?? providerProblem(dir, catalog);
    if (problem !== undefined || !dir.meta) {
      repairs.push({ id: dir.name, change: "skipped", reason: problem });
      continue;
    }
    const meta = recovered(dir, dir.meta, { home, deps, repairs });
    if (metas.has(meta.id))
      repairs.push({ id: dir.name, change: "skipped", reason: `another directory already has the id ${meta.id}` });
    else metas.set(meta.id, meta);
  }
  for (const [id, meta] of metas) reconciled.push(...upserted(id, meta, catalog));
  for (const [id, row] of catalog.rows) {
    if (!metas.has(id)) reconciled.push({ id, change: "orphaned", from: row.text("state") });
  }
  return { repairs, reconciled, refusals: foreignKeys(metas, catalog) };
}

/** A meta of AGH's early days names no provider: it is looked up by the workspace, and without that the session is skipped. */
function providerProblem({ meta }: SessionDir, { workspaces }: BootCatalog): string | undefined {
  if (!meta || meta.provider?.trim()) return undefined;
  const root = workspaces.get(meta.workspace_id);
  if (root !== undefined && isDirectory(root)) return undefined;
  return `meta.json names no provider, and workspace ${meta.workspace_id} does not exist, so the provider is unknown`;
}

interface RecoveryContext {
  readonly home: Home;
  readonly deps: Deps;
  readonly repairs: BootChange[];
}

/** The meta after classification; what is done to it and to its events goes to `repairs`. */
function recovered(dir: SessionDir, meta: Meta, { home, deps, repairs }: RecoveryContext): Meta {
  const stopped = classifyMeta(meta, home, deps);
  const { id } = meta;
  if (stopped) repairs.push({ id, change: "classified", from: meta.state, ...stopped });
  const now = stopped ? { ...meta, ...stopped } : meta;
  // Repair goes by the id: a directory of another name is not found.
  if (now.state !== "stopped" || !REPAIRED_STOP_REASONS.has(now.stop_reason) || dir.name !== id) return now;
  const repair = predictBootRepair(dir.path, deps);
  if (repair) repairs.push({ id, ...repair });
  return now;
}

function upserted(id: string, meta: Meta, { rows }: BootCatalog): BootChange[] {
  const row = rows.get(id);
  if (!row) return [{ id, change: "indexed", state: meta.state, workspace_id: meta.workspace_id }];
  const differences = rowDifferences(row, meta);
  return Object.keys(differences).length > 0 ? [{ id, change: "updated", columns: differences }] : [];
}

/** One row that points to nothing fails the whole transaction, and with it the boot. */
function foreignKeys(metas: ReadonlyMap<string, Meta>, { workspaces, souls }: BootCatalog): string[] {
  const missing = new Map<string, number>();
  const refusals: string[] = [];
  for (const { id, workspace_id: workspace, soul_snapshot_id: soul } of metas.values()) {
    if (!workspaces.has(workspace)) missing.set(workspace, (missing.get(workspace) ?? 0) + 1);
    if (soul && !souls.has(soul))
      refusals.push(`FOREIGN_KEY: ${id} names the soul ${soul}, which agh.db does not have`);
  }
  if (missing.size === 0) return refusals;
  const names = [...missing].sort().map(([id, count]) => `${id} of ${count} ${count === 1 ? "session" : "sessions"}`);
  return [`FOREIGN_KEY: agh.db has no workspace ${names.join(", ")}`, ...refusals];
}
