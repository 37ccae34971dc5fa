// The sessions of a home with all that their ledgers are made of, and where those lie.
import type { Deps } from "../../../records/deps.ts";
import type { SessionRecord } from "../../../records/runtime-kinds.ts";
import { joinPath } from "../../../files/os-path.ts";
import type { LedgerPlace } from "../../ledgers.ts";
import type { Home, SessionFilter } from "../../source.ts";
import { ledgerRootHere, readLedgerPlace } from "../home/config.ts";
import { LIVE_STATES } from "../sessions/state.ts";
import { isId, LEDGER, metaFile, sessionDir } from "../home/layout.ts";
import { trimmed } from "./head-line.ts";
import { readMeta, type Meta } from "../sessions/meta.ts";
import { findSessionDir, listLedgerFiles, listSessionNames } from "../sessions/scan.ts";
import { readSessions } from "../sessions/read-sessions.ts";

export interface LedgerSession {
  readonly id: string;
  readonly session: SessionRecord;
  /** The session's own directory; undefined when only its ledger is left. */
  readonly dir: string | undefined;
  readonly meta: Meta | undefined;
  /** Whether a ledger is there. */
  readonly hasLedger: boolean;
  /** Where the ledger lies, or would lie; undefined where no place is known for it. */
  readonly ledger: string | undefined;
  /** Where AGH would put it, and the directory name it stands under; undefined without a meta. */
  readonly target: { readonly path: string; readonly partition: string } | undefined;
  /** Runs, or may run. */
  readonly live: boolean;
}

export interface AghLedgerPlace extends LedgerPlace {
  /** The partition of sessions without a workspace. */
  readonly unbound: string;
}

/** Where the ledgers of a home lie; a private copy has what lay outside in a place of its own. */
export async function ledgerPlace(home: Home, deps: Pick<Deps, "env">): Promise<AghLedgerPlace> {
  const { ledgerRoot, unbound, problem } = await readLedgerPlace(home.root, deps);
  return { root: ledgerRootHere(home, ledgerRoot), unbound, problem };
}

/** The selected sessions, one after another; those without directory only where a ledger is left of them. */
export async function* ledgerSessions(home: Home, filter: SessionFilter, deps: Deps): AsyncGenerator<LedgerSession> {
  const place = await ledgerPlace(home, deps);
  const ledgers = listLedgerFiles(home.root, place.root, listSessionNames(home.root).partitions);
  for await (const session of readSessions(home, filter, deps)) {
    const { id } = session;
    const own = session.has.dir ? findSessionDir(home.root, id) : undefined;
    const meta = own === undefined ? undefined : metaIn(home.root, own);
    const target = meta && targetOf(place, meta, id);
    const ledger = ledgers.get(id) ?? target?.path;
    yield { id, session, dir: own, meta, hasLedger: session.has.ledger, ledger, target, live: isLive(session) };
  }
}

function metaIn(root: string, dir: string): Meta | undefined {
  const read = readMeta(metaFile(root, dir.slice(sessionDir(root, "").length)));
  return "meta" in read ? read.meta : undefined;
}

/** Undefined where the ids are none that may stand in a path. */
function targetOf(place: AghLedgerPlace, meta: Meta, id: string): LedgerSession["target"] {
  const partition = trimmed(meta.workspace_id) || place.unbound;
  if (!isId(id) || !isId(partition)) return undefined;
  return { path: joinPath(joinPath(joinPath(place.root, partition), id), LEDGER), partition };
}

const isLive = ({ state, effective }: SessionRecord): boolean =>
  effective === "running" || (LIVE_STATES.has(state) && effective !== "dead");
