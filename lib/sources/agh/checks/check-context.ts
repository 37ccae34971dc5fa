// Reads what every check looks at: the stores, each session's names and sizes, the catalog as AGH's boot would have it.
import { readdirSync } from "node:fs";
import { joinPath, osPath } from "../../../files/os-path.ts";
import { withoutProblems, type Deps } from "../../../records/deps.ts";
import type { CheckRequest } from "../../repair.ts";
import type { Home } from "../../source.ts";
import { predictBootCatalog } from "../boot/boot-catalog.ts";
import { readSweepCutoff } from "../boot/predict-boot.ts";
import { readSessionTable } from "../catalog/session-table.ts";
import { readCatalog } from "../home/databases.ts";
import type { StoredSession, CheckContext } from "./check-types.ts";
import { EVENTS } from "../home/layout.ts";
import { findDaemon } from "../home/liveness.ts";
import { statSize, readSessionDirs, type SessionDir } from "../sessions/scan.ts";
import { readEvidence, type SessionEvidence } from "../sessions/evidence.ts";
import { walPath } from "../../../sqlite/sidecars.ts";

/** Opens no events.db. */
export async function readCheckContext(home: Home, options: CheckRequest, deps: Deps): Promise<CheckContext> {
  const { level, catalogRoot = home.root, daemonIsOut } = options;
  // A config.toml that cannot be read is a finding, and so is all else that is wrong here.
  const own = await readEvidence(home, withoutProblems(deps));
  const { catalogError: _, ...rest } = own;
  const stores = catalogRoot === home.root ? own : { ...rest, rows: readCatalog(catalogRoot, deps, readSessionTable) };
  const before = await readSweepCutoff(home.root, deps);
  const [sessions, twice] = sessionsIn(home, stores, deps);
  return {
    home,
    deps,
    level,
    stores,
    catalogRoot,
    catalog: predictBootCatalog(catalogRoot, before, deps),
    daemon: daemonIsOut ? { alive: false } : findDaemon(home, deps),
    sessions,
    twice,
    sweepBefore: before,
  };
}

function sessionsIn({ root }: Home, stores: SessionEvidence, { signal }: Deps): [StoredSession[], SessionDir[]] {
  const [twice, seen]: [SessionDir[], Map<string, StoredSession>] = [[], new Map()];
  for (const dir of readSessionDirs(root, stores.names)) {
    signal.throwIfAborted();
    if (seen.has(dir.id)) twice.push(dir);
    else seen.set(dir.id, storedSession(dir.id, dir, stores));
  }
  for (const store of [stores.rows.keys(), stores.ledgers.keys(), stores.archives.keys(), stores.tombstones]) {
    for (const id of store) if (!seen.has(id)) seen.set(id, storedSession(id, undefined, stores));
  }
  return [[...seen.values()].sort((a, b) => (a.id < b.id ? -1 : 1)), twice];
}

function storedSession(id: string, dir: SessionDir | undefined, stores: SessionEvidence): StoredSession {
  const names = dir ? listNames(dir.path) : [];
  const ledger = stores.ledgers.get(id);
  return {
    id,
    dir,
    row: stores.rows.get(id),
    names,
    events: dir && names.includes(EVENTS) ? sizeOf(joinPath(dir.path, EVENTS)) : undefined,
    ledger: ledger !== undefined && statSize(ledger) !== undefined ? ledger : undefined,
    archive: stores.archives.get(id),
    tombstone: stores.tombstones.has(id),
  };
}

function sizeOf(file: string): number | undefined {
  const main = statSize(file);
  const wal = statSize(walPath(file)) ?? 0;
  return main === undefined ? undefined : main + wal;
}

export function listNames(dir: string): readonly string[] {
  try {
    return readdirSync(osPath(dir)).sort();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return [];
    throw error;
  }
}
