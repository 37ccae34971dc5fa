// Tests whether a restored home means what it should: databases, sessions, ledgers, catalog, and that its daemon would start.
import { existsSync } from "node:fs";
import { joinPath, osPath } from "../../files/os-path.ts";
import type { Scratch } from "../../files/scratch.ts";
import type { ListingLine } from "../../formats/repository/listing.ts";
import type { Deps } from "../../records/deps.ts";
import { ToolError } from "../../records/error.ts";
import type { Finding } from "../../records/result-kinds.ts";
import type { SessionRecord } from "../../records/runtime-kinds.ts";
import { openEventsReader } from "../../sources/read-events.ts";
import type { DatabaseFault } from "../../sources/database-check.ts";
import type { Ledgers, SessionLedger } from "../../sources/ledgers.ts";
import type { Home, Source } from "../../sources/source.ts";
import { checkDatabase } from "./check-database.ts";

export interface RestoredHome {
  readonly home: Home;
  readonly source: Source;
  readonly scratch: Scratch;
  /** How many of each thing were looked at. */
  readonly counts: { [what: string]: number };
}

/** A restored database, as the listing knows it. */
export interface RestoredDatabase {
  readonly line: Pick<ListingLine, "path" | "database">;
  readonly file: string;
}

/** Databases first: what follows is read from them. */
export async function* testHome(
  restored: RestoredHome,
  databases: readonly RestoredDatabase[],
  deps: Deps,
): AsyncGenerator<Finding> {
  const { home, source } = restored;
  yield* testDatabases(restored, databases, deps);
  const hasDatabases = databases.some(({ line }) => classOf(source, line) === "session");
  yield* testSessions(restored, { hasDatabases }, deps);
  if (source.compare) yield* source.compare(home, deps);
  if (source.boot) yield* testBoot(restored, deps);
}

const classOf = (source: Source, { path }: RestoredDatabase["line"]): "catalog" | "session" | undefined =>
  source.classify("home", path, "file").database;

async function* testDatabases(
  { home, source, scratch, counts }: RestoredHome,
  databases: readonly RestoredDatabase[],
  deps: Deps,
): AsyncGenerator<Finding> {
  counts["databases"] = 0;
  const check = await source.databaseCheck?.();
  for (const { line, file } of databases) {
    deps.signal.throwIfAborted();
    if (!existsSync(osPath(file))) continue; // a finding already: it could not be restored
    counts["databases"]++;
    deps.progress.update({ label: "databases checked", done: counts["databases"], total: databases.length });
    const faults = checkDatabase({
      file,
      name: line.path,
      of: classOf(source, line),
      check,
      lastSequence: line.database?.last_sequence,
      scratch,
    });
    for (const fault of faults) yield findingOf(home, line.path, fault);
  }
}

/** Whether its sessions are found, each with its events where those are in no database of their own, and its ledger as it was. */
async function* testSessions(
  { home, source, counts }: RestoredHome,
  { hasDatabases }: { readonly hasDatabases: boolean },
  deps: Deps,
): AsyncGenerator<Finding> {
  try {
    const ledgers = await ledgersIn({ home, source }, deps);
    if (ledgers) counts["ledgers"] = 0;
    counts["sessions"] = 0;
    using reader = await openEventsReader(source, home, deps);
    for await (const { session, ledger } of sessionsIn({ home, source }, ledgers, deps)) {
      deps.signal.throwIfAborted();
      // Where sessions have places of their own, one without is no more than a row.
      if (!source.sessionLayout || session.has.dir) counts["sessions"]++;
      if (!hasDatabases && session.has.events) for await (const _ of reader.events(session.id, { tail: 1 })) break;
      if (!ledger?.hasLedger || ledger.lacks !== undefined) continue;
      counts["ledgers"]!++;
      const fault = await compareLedger(ledger);
      if (fault) yield findingOf(home, session.id, fault);
    }
  } catch (error) {
    yield findingOf(home, undefined, unreadableFault("SESSIONS_UNREADABLE", error));
  }
}

interface TestedSession {
  readonly session: SessionRecord;
  readonly ledger?: SessionLedger;
}

type TestedHome = Pick<RestoredHome, "home" | "source">;

/** Undefined where none lie here. */
async function ledgersIn({ home, source }: TestedHome, deps: Deps): Promise<Ledgers | undefined> {
  const ledgers = await source.ledgers?.();
  const place = await ledgers?.place(home, deps);
  return place && existsSync(osPath(place.root)) ? ledgers : undefined;
}

async function* sessionsIn(
  { home, source }: TestedHome,
  ledgers: Ledgers | undefined,
  deps: Deps,
): AsyncGenerator<TestedSession> {
  if (!ledgers) for await (const session of source.sessions(home, {}, deps)) yield { session };
  else for await (const ledger of ledgers.sessions(home, {}, deps)) yield { session: ledger.session, ledger };
}

async function compareLedger({ id, ledger, open }: SessionLedger): Promise<DatabaseFault | undefined> {
  try {
    using reading = open();
    const found = await reading.compare(ledger!);
    if (found.verdict !== "differs") return undefined;
    const message = `the ledger of ${id} differs from its events at line ${found.first_difference ?? "?"}`;
    return { code: "LEDGER_DIFFERS", severity: "error", message, evidence: found };
  } catch (error) {
    return unreadableFault("LEDGER_UNREADABLE", error);
  }
}

async function* testBoot({ home, source, counts }: RestoredHome, deps: Deps): AsyncGenerator<Finding> {
  const { starts, refusals, changes } = await source.boot!(home, deps);
  counts["boot_changes"] = changes.length;
  if (starts) return;
  for (const refusal of refusals) {
    const message = `the daemon would not start: ${refusal}`;
    yield findingOf(home, undefined, { code: "BOOT_REFUSED", severity: "error", message, evidence: { refusal } });
  }
}

/** What cannot be read is what the drill is to find out; a bug is none. */
export function unreadableFault(code: string, error: unknown): DatabaseFault {
  if (!(error instanceof ToolError)) throw error;
  return { code, severity: "error", message: error.message, evidence: { cause: error.code } };
}

export const findingOf = ({ runtime, place }: Home, id: string | undefined, fault: DatabaseFault): Finding => ({
  kind: "finding",
  runtime,
  home: place,
  ...(id !== undefined && { id }),
  ...fault,
});

/** Where a line of the home lies once it is restored to `dir`. */
export const restoredFile = (dir: string, { path }: Pick<ListingLine, "path">): string => joinPath(dir, path);
