// Every store of an AGH home that knows sessions, read once, and what each says of one session.
import type { Deps } from "../../../records/deps.ts";
import { EXIT, ToolError } from "../../../records/error.ts";
import type { Home } from "../../source.ts";
import { readSessionTable, type SessionRow } from "../catalog/session-table.ts";
import { ledgerRootHere, readLedgerPlace } from "../home/config.ts";
import { readCatalog } from "../home/databases.ts";
import type { StoredFacts } from "./merge.ts";
import { findDaemon, processAlive, type Daemon } from "../home/liveness.ts";
import type { Meta } from "./meta.ts";
import { isPurged } from "./purged.ts";
import {
  readArchivedMeta,
  listArchivedSessions,
  listLedgerFiles,
  readSessionDirs,
  listSessionNames,
  listTombstones,
  type SessionDir,
} from "./scan.ts";

export interface SessionEvidence {
  readonly rows: ReadonlyMap<string, SessionRow>;
  /** Why the catalog could not be read. */
  readonly catalogError?: ToolError;
  readonly names: readonly string[];
  readonly ledgers: ReadonlyMap<string, string>;
  readonly archives: ReadonlyMap<string, string>;
  readonly tombstones: ReadonlySet<string>;
}

/** Reads the catalog and the directories, no meta yet. A catalog that cannot be read is told by `catalogTrouble`. */
export async function readEvidence(home: Home, deps: Deps): Promise<SessionEvidence> {
  const { root } = home;
  const { sessions, partitions } = listSessionNames(root);
  const place = await readLedgerPlace(root, deps);
  if (place.problem) deps.log.problem(place.problem);
  return {
    ...rowsOf(root, deps),
    names: sessions,
    ledgers: listLedgerFiles(root, ledgerRootHere(home, place.ledgerRoot), partitions),
    archives: listArchivedSessions(root),
    tombstones: listTombstones(root),
  };
}

function rowsOf(root: string, deps: Deps): Pick<SessionEvidence, "rows" | "catalogError"> {
  try {
    return { rows: readCatalog(root, deps, readSessionTable) };
  } catch (error) {
    if (error instanceof ToolError && error.exit === EXIT.place) return { rows: new Map(), catalogError: error };
    throw error;
  }
}

/** Whether a session may be of interest by its id; the others are passed over without being read. */
export type Interest = (id: string) => boolean;

/** The facts of every session of interest: first those with a directory, then those that only other stores know. */
export function* listStoredFacts(
  home: Home,
  stores: SessionEvidence,
  deps: Deps,
  interest: Interest,
): Generator<StoredFacts> {
  const lazyFacts: LazyFacts = { alive: aliveness(home, deps), isPurged: (dir, ledger) => isPurged(dir, ledger, deps) };
  const seen = new Set<string>();
  const names = stores.names.filter(interest);
  for (const dir of readSessionDirs(home.root, names)) {
    if (seen.has(dir.id)) deps.log.problem(twice(dir));
    else yield { ...factsOf(dir.id, dir, stores), ...lazyFacts };
    seen.add(dir.id);
  }
  for (const store of [stores.rows.keys(), stores.ledgers.keys(), stores.archives.keys(), stores.tombstones]) {
    for (const id of store) {
      if (seen.has(id) || !interest(id)) continue;
      seen.add(id);
      yield { ...factsOf(id, undefined, stores), ...lazyFacts };
    }
  }
}

/** What is looked up only when it matters. */
type LazyFacts = Pick<StoredFacts, "alive" | "isPurged">;

function factsOf(id: string, dir: SessionDir | undefined, stores: SessionEvidence): Omit<StoredFacts, keyof LazyFacts> {
  const archive = stores.archives.get(id);
  const row = stores.rows.get(id);
  return {
    id,
    dir,
    row,
    ledger: stores.ledgers.get(id),
    archive,
    archivedMeta: dir || row || archive === undefined ? undefined : readArchivedMeta(archive),
    tombstone: stores.tombstones.has(id),
  };
}

/** Asks for the daemon once, and only when a session claims life. */
function aliveness(home: Home, deps: Deps): StoredFacts["alive"] {
  let daemon: Daemon | undefined;
  return (meta: Meta | undefined) => {
    daemon ??= findDaemon(home, deps);
    if (daemon.alive === true || !home.live) return daemon.alive;
    const { subprocess_pid: pid, subprocess_started_at: started } = meta?.liveness ?? {};
    const own = pid ? processAlive(pid, started, deps) : false;
    return own === false ? daemon.alive : own;
  };
}

const twice = ({ id, path }: SessionDir): ToolError =>
  new ToolError({
    code: "E_SESSION_TWICE",
    message: `${path} has the id ${id} too; it is ignored, as AGH ignores it`,
    hint: "move one of the two directories away",
    exit: EXIT.partial,
  });
