// Reads what every check looks at: the stores, each session's names and sizes, the catalog as AGH's boot would have it.
import { readdirSync } from "node:fs";
import { joinPath, osPath } from "../../files/os-path.ts";
import { withoutProblems, type Deps } from "../../records/deps.ts";
import type { Home } from "../source.ts";
import { bootCatalog } from "./boot-catalog.ts";
import { sweepBefore } from "./boot.ts";
import { sessionRows } from "./catalog.ts";
import { readCatalog } from "./databases.ts";
import type { Known, Level, Look } from "./findings-rule.ts";
import { EVENTS } from "./layout.ts";
import { daemonOf } from "./liveness.ts";
import { fileSize, sessionDirs, type SessionDir } from "./scan.ts";
import { readStores, type Stores } from "./stores.ts";

export interface Looking {
  readonly level: Level;
  /** A directory with another agh.db, which is read in place of the home's own. */
  readonly catalogRoot?: string | undefined;
  /** We hold the daemon's lock ourselves: whoever asks for it would take us for the daemon. */
  readonly daemonIsOut?: boolean | undefined;
}

/** Opens no events.db. */
export async function lookAt(home: Home, looking: Looking, deps: Deps): Promise<Look> {
  const { level, catalogRoot = home.root, daemonIsOut } = looking;
  // A config.toml that cannot be read is a finding, and so is all else that is wrong here.
  const own = await readStores(home, withoutProblems(deps));
  const { catalogTrouble: _, ...rest } = own;
  const stores = catalogRoot === home.root ? own : { ...rest, rows: readCatalog(catalogRoot, deps, sessionRows) };
  const before = await sweepBefore(home.root, deps);
  const [sessions, twice] = sessionsIn(home, stores, deps);
  return {
    home,
    deps,
    level,
    stores,
    catalogRoot,
    catalog: bootCatalog(catalogRoot, before, deps),
    daemon: daemonIsOut ? { alive: false } : daemonOf(home, deps),
    sessions,
    twice,
    sweepBefore: before,
  };
}

function sessionsIn({ root }: Home, stores: Stores, { signal }: Deps): [Known[], SessionDir[]] {
  const [twice, seen]: [SessionDir[], Map<string, Known>] = [[], new Map()];
  for (const dir of sessionDirs(root, stores.names)) {
    signal.throwIfAborted();
    if (seen.has(dir.id)) twice.push(dir);
    else seen.set(dir.id, known(dir.id, dir, stores));
  }
  for (const store of [stores.rows.keys(), stores.ledgers.keys(), stores.archives.keys(), stores.tombstones]) {
    for (const id of store) if (!seen.has(id)) seen.set(id, known(id, undefined, stores));
  }
  return [[...seen.values()].sort((a, b) => (a.id < b.id ? -1 : 1)), twice];
}

function known(id: string, dir: SessionDir | undefined, stores: Stores): Known {
  const names = dir ? namesIn(dir.path) : [];
  const ledger = stores.ledgers.get(id);
  return {
    id,
    dir,
    row: stores.rows.get(id),
    names,
    events: dir && names.includes(EVENTS) ? sizeOf(joinPath(dir.path, EVENTS), names) : undefined,
    ledger: ledger !== undefined && fileSize(ledger) !== undefined ? ledger : undefined,
    archive: stores.archives.get(id),
    tombstone: stores.tombstones.has(id),
  };
}

function sizeOf(file: string, names: readonly string[]): number | undefined {
  const main = fileSize(file);
  const wal = names.includes(`${EVENTS}-wal`) ? (fileSize(`${file}-wal`) ?? 0) : 0;
  return main === undefined ? undefined : main + wal;
}

export function namesIn(dir: string): readonly string[] {
  try {
    return readdirSync(osPath(dir)).sort();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return [];
    throw error;
  }
}
