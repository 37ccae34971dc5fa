// Why something of an AGH home may be missing without being lost: it was retired or purged, or AGH itself has removed it.
import { closeSync, openSync, readSync, statSync } from "node:fs";
import { joinPath, osPath } from "../../../files/os-path.ts";
import type { Deps } from "../../../records/deps.ts";
import { EXIT, ToolError } from "../../../records/error.ts";
import { isMinority, type KnownSession, type LossExplainer } from "../../losses.ts";
import { RetiredSessions } from "../../retired-sessions.ts";
import type { Home } from "../../source.ts";
import { readWorkspaces } from "../catalog/workspaces.ts";
import { readConfig } from "../home/config.ts";
import { readCatalog, readEvents } from "../home/databases.ts";
import { EVENTS, sessionDir } from "../home/layout.ts";
import { readLastLine } from "../ledger/last-line.ts";
import { ledgers } from "../ledger/ledgers.ts";
import { readEvidence, type SessionEvidence } from "./evidence.ts";

export async function openLossExplainer(
  home: Home,
  deps: Deps,
  tombstones: ReadonlySet<string>,
): Promise<LossExplainer> {
  const evidence = await readEvidence(home, deps);
  const { ledgerRoot, problem } = await readConfig(home.root, deps);
  const isLedgerRootInside = !problem && `${ledgerRoot}/`.startsWith(`${home.root}/`);
  return new AghLosses(home, deps, evidence, new RetiredSessions(home.root, tombstones), isLedgerRootInside);
}

class AghLosses implements LossExplainer {
  readonly #home: Home;
  readonly #deps: Deps;
  readonly #evidence: SessionEvidence;
  readonly #retired: RetiredSessions;
  readonly #isLedgerRootInside: boolean;
  #cleared: ReadonlyMap<string, number> | undefined;

  constructor(
    home: Home,
    deps: Deps,
    evidence: SessionEvidence,
    retired: RetiredSessions,
    isLedgerRootInside: boolean,
  ) {
    this.#home = home;
    this.#deps = deps;
    this.#evidence = evidence;
    this.#retired = retired;
    this.#isLedgerRootInside = isLedgerRootInside;
  }

  session(id: string, { part }: Partial<KnownSession> = {}): string | undefined {
    const retired = this.#retired.reason(id);
    if (retired !== undefined || part === "rows") return retired;
    const archived = this.#evidence.archives.get(id);
    return archived !== undefined && holdsSession(archived) ? "it was moved to session-archive" : undefined;
  }

  /** AGH's own deletion takes the directory. The row stays, `stopped` or `orphaned`, and so does the ledger, with the whole history. */
  deleted(missing: readonly KnownSession[], left: number): ReadonlyMap<string, string> {
    const { rows, catalogError } = this.#evidence;
    if (catalogError || !isMinority(missing.length, left)) return new Map();
    const deleted = missing.filter(({ id, part, last }) => {
      const state = rows.get(id)?.text("state");
      return part === "directory" && (state === "stopped" || state === "orphaned") && this.#ledgerReaches(id, last);
    });
    return new Map(deleted.map(({ id }) => [id, "AGH deleted it; its ledger has the whole history"]));
  }

  #ledgerReaches(id: string, last: number | null | undefined): boolean {
    if (last === 0) return true;
    const ledger = this.#evidence.ledgers.get(id);
    const end = ledger === undefined ? undefined : readLastLine(ledger)?.sequence;
    return end !== undefined && typeof last === "number" && end >= last;
  }

  async events(id: string, { events = 0, last, born }: Partial<KnownSession> = {}): Promise<string | undefined> {
    if (this.#wasCleared(id, born)) return "AGH cleared its conversation";
    if (!this.#ledgerReaches(id, last)) return undefined;
    try {
      for await (const found of ledgers.sessions(this.#home, { ids: [id] }, this.#deps)) {
        if (found.id !== id || !found.hasLedger || found.ledger === undefined || found.lacks !== undefined) continue;
        using reading = found.open();
        const { verdict, lines } = await reading.compare(found.ledger);
        if (HOLDS_ALL.has(verdict) && lines > events) return `its ledger has them: ${verdict}`;
      }
    } catch (error) {
      if (!(error instanceof ToolError) || error.exit === EXIT.bug) throw error;
    }
    return undefined;
  }

  ledger(id: string): string | undefined {
    return this.session(id) ?? (this.#wasCleared(id, undefined) ? "AGH cleared its conversation" : undefined);
  }

  root(name: string): string | undefined {
    if (name === "ledgers" || name === "memory")
      return this.#isLedgerRootInside ? "config.toml names another place" : undefined;
    if (!name.startsWith("ws/") || this.#evidence.catalogError) return undefined;
    const workspaces = readCatalog(this.#home.root, this.#deps, readWorkspaces);
    return workspaces.some(({ id }) => name === `ws/${id}`) ? undefined : "its workspace was removed";
  }

  evidence(id: string): string | undefined {
    const ledger = this.#evidence.ledgers.get(id);
    const last = ledger === undefined ? undefined : readLastLine(ledger);
    if (last) return `its ledger ends with event ${last.sequence}`;
    const summaries = this.#summaries(id);
    return summaries > 0 ? `the catalog has summaries of ${summaries} of its events` : undefined;
  }

  #summaries(id: string): number {
    if (this.#evidence.catalogError) return 0;
    try {
      const sql = "SELECT count(*) AS events FROM event_summaries WHERE session_id = ?";
      return Number(readCatalog(this.#home.root, this.#deps, (db) => db.prepare(sql).get(id)?.["events"]) ?? 0);
    } catch {
      return 0; // a version of AGH without them
    }
  }

  /** AGH starts a cleared session on a new database, and says so in its log. `born`: of the database that was there before. */
  #wasCleared(id: string, born: string | undefined): boolean {
    this.#cleared ??= readCleared(joinPath(this.#home.root, "logs/agh.log"));
    const at = this.#cleared.get(id);
    if (at === undefined) return false;
    const now = this.#bornAt(id);
    return now !== undefined && now !== born && Math.abs(Date.parse(now) - at) < CLEARING_MS;
  }

  #bornAt(id: string): string | undefined {
    try {
      const sql = "SELECT applied_at FROM schema_migrations ORDER BY rowid LIMIT 1";
      const dir = sessionDir(this.#home.root, id);
      return readEvents(dir, this.#deps, (db) => db.prepare(sql).get()?.["applied_at"] as string | undefined);
    } catch {
      return undefined; // no database, so not one that was just made
    }
  }
}

/** What a comparison says of a ledger that has all the rows, the missing ones as well. */
const HOLDS_ALL: ReadonlySet<string> = new Set(["equal", "ended_at", "purged", "raw_stripped"]);

/** From the new database to the line in the log. */
const CLEARING_MS = 300_000;

function holdsSession(archived: string): boolean {
  const stat = statSync(osPath(archived), { throwIfNoEntry: false });
  if (!stat?.isDirectory()) return (stat?.size ?? 0) > 0;
  return (statSync(osPath(joinPath(archived, EVENTS)), { throwIfNoEntry: false })?.size ?? 0) > 0;
}

const CLEARED = /"msg":"session\.clear\.restart_complete"/;
/** Of the end of a log so much is read. */
const LOG_BYTES = 64 << 20;
const BLOCK = 1 << 20;

/** When each session was cleared last. */
function readCleared(file: string): ReadonlyMap<string, number> {
  const cleared = new Map<string, number>();
  let fd: number;
  try {
    fd = openSync(osPath(file), "r");
  } catch {
    return cleared;
  }
  try {
    const { size } = statSync(osPath(file));
    const block = Buffer.alloc(BLOCK);
    let rest = "";
    for (let at = Math.max(0, size - LOG_BYTES); ;) {
      const read = readSync(fd, block, 0, BLOCK, at);
      if (read === 0) return cleared;
      at += read;
      const lines = (rest + block.toString("utf8", 0, read)).split("\n");
      rest = lines.pop()!.slice(0, BLOCK);
      for (const line of lines) if (CLEARED.test(line)) noteCleared(line, cleared);
    }
  } finally {
    closeSync(fd);
  }
}

function noteCleared(line: string, cleared: Map<string, number>): void {
  try {
    const { time, session_id } = JSON.parse(line) as { readonly time?: unknown; readonly session_id?: unknown };
    const at = Date.parse(String(time));
    if (typeof session_id === "string" && !Number.isNaN(at)) cleared.set(session_id, at);
  } catch {
    // half a line, at the beginning of what is read
  }
}
