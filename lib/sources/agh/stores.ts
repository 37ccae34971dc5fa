// Every store of an AGH home that knows sessions, read once, and what each says of one session.
import type { Deps } from "../../records/deps.ts";
import { EXIT, ToolError } from "../../records/error.ts";
import type { Home } from "../source.ts";
import { sessionRows, type SessionRow } from "./catalog.ts";
import { readLedgerPlace } from "./config.ts";
import { readCatalog } from "./databases.ts";
import type { Facts } from "./join.ts";
import { outsideDir } from "./layout.ts";
import { daemonOf, processAlive, type Daemon } from "./liveness.ts";
import type { Meta } from "./meta.ts";
import { isPurged } from "./purged.ts";
import { archivedMeta, archives, ledgerFiles, sessionDirs, sessionNames, tombstones, type SessionDir } from "./scan.ts";

export interface Stores {
  readonly rows: ReadonlyMap<string, SessionRow>;
  /** Why the catalog could not be read. */
  readonly catalogTrouble?: ToolError;
  readonly names: readonly string[];
  readonly ledgers: ReadonlyMap<string, string>;
  readonly archives: ReadonlyMap<string, string>;
  readonly tombstones: ReadonlySet<string>;
}

/** Reads the catalog and the directories, no meta yet. A catalog that cannot be read is told by `catalogTrouble`. */
export async function readStores(home: Home, deps: Deps): Promise<Stores> {
  const { root } = home;
  const { sessions, partitions } = sessionNames(root);
  const place = await readLedgerPlace(root, deps);
  if (place.problem) deps.log.problem(place.problem);
  return {
    ...rowsOf(root, deps),
    names: sessions,
    ledgers: ledgerFiles(root, ledgerRootHere(home, place.ledgerRoot), partitions),
    archives: archives(root),
    tombstones: tombstones(root),
  };
}

/** A private copy keeps what lay outside its home in a place of its own, as restored homes do. */
export function ledgerRootHere({ root, live }: Home, ledgerRoot: string): string {
  return live || ledgerRoot.startsWith(`${root}/`) ? ledgerRoot : outsideDir(root, "ledgers");
}

function rowsOf(root: string, deps: Deps): Pick<Stores, "rows" | "catalogTrouble"> {
  try {
    return { rows: readCatalog(root, deps, sessionRows) };
  } catch (error) {
    if (error instanceof ToolError && error.exit === EXIT.place) return { rows: new Map(), catalogTrouble: error };
    throw error;
  }
}

/** Whether a session may be of interest by its id; the others are passed over without being read. */
export type Interest = (id: string) => boolean;

/** The facts of every session of interest: first those with a directory, then those that only other stores know. */
export function* allFacts(home: Home, stores: Stores, deps: Deps, interest: Interest): Generator<Facts> {
  const asked: Asked = { alive: aliveness(home, deps), isPurged: (dir, ledger) => isPurged(dir, ledger, deps) };
  const seen = new Set<string>();
  const names = stores.names.filter(interest);
  for (const dir of sessionDirs(home.root, names)) {
    if (seen.has(dir.id)) deps.log.problem(twice(dir));
    else yield { ...factsOf(dir.id, dir, stores), ...asked };
    seen.add(dir.id);
  }
  for (const store of [stores.rows.keys(), stores.ledgers.keys(), stores.archives.keys(), stores.tombstones]) {
    for (const id of store) {
      if (seen.has(id) || !interest(id)) continue;
      seen.add(id);
      yield { ...factsOf(id, undefined, stores), ...asked };
    }
  }
}

/** What is looked up only when it matters. */
type Asked = Pick<Facts, "alive" | "isPurged">;

function factsOf(id: string, dir: SessionDir | undefined, stores: Stores): Omit<Facts, keyof Asked> {
  const archive = stores.archives.get(id);
  const row = stores.rows.get(id);
  return {
    id,
    dir,
    row,
    ledger: stores.ledgers.get(id),
    archive,
    archivedMeta: dir || row || archive === undefined ? undefined : archivedMeta(archive),
    tombstone: stores.tombstones.has(id),
  };
}

/** Asks for the daemon once, and only when a session claims life. */
function aliveness(home: Home, deps: Deps): Facts["alive"] {
  let daemon: Daemon | undefined;
  return (meta: Meta | undefined) => {
    daemon ??= daemonOf(home, deps);
    if (daemon.alive === true || !home.live) return daemon.alive;
    const { subprocess_pid: pid, subprocess_started_at: started } = meta?.liveness ?? {};
    const own = pid ? processAlive(pid, started, deps) : false;
    return own === false ? daemon.alive : own;
  };
}

const twice = ({ id, path }: SessionDir): ToolError =>
  new ToolError({
    code: "E_SESSION_TWICE",
    message: `${path} has the id ${id} too; it is ignored, as AGH does`,
    hint: "move one of the two directories away",
    exit: EXIT.partial,
  });
