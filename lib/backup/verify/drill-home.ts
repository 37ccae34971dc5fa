// Tests whether a restored home means what it should: databases, ledgers, catalog, and that AGH would start on it.
import { existsSync } from "node:fs";
import { joinPath, osPath } from "../../files/os-path.ts";
import type { Scratch } from "../../files/scratch.ts";
import type { ListingLine } from "../../formats/repository/listing.ts";
import type { Deps } from "../../records/deps.ts";
import { ToolError } from "../../records/error.ts";
import type { Finding } from "../../records/result-kinds.ts";
import { openEvents } from "../../sources/agh/home/databases.ts";
import { compareLedger } from "../../sources/agh/ledger/compare-ledger.ts";
import { headLine } from "../../sources/agh/ledger/head-line.ts";
import { ledgerSessions, type LedgerSession } from "../../sources/agh/ledger/ledger-sessions.ts";
import { openEventsReader } from "../../sources/events-reader.ts";
import type { Home, Source } from "../../sources/source.ts";
import { checkDatabase, type CheckFault } from "./check-database.ts";

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
  if (home.runtime === "agh") yield* testLedgers(restored, deps);
  else yield* testSessions(restored, deps);
  if (source.compare) yield* source.compare(home, deps);
  if (source.boot) yield* testBoot(restored, deps);
}

function* testDatabases(
  { home, source, scratch, counts }: RestoredHome,
  databases: readonly RestoredDatabase[],
  deps: Deps,
): Generator<Finding> {
  counts["databases"] = 0;
  for (const { line, file } of databases) {
    deps.signal.throwIfAborted();
    if (!existsSync(osPath(file))) continue; // a finding already: it could not be restored
    counts["databases"]++;
    deps.progress.update({ label: "databases checked", done: counts["databases"], total: databases.length });
    const of = source.classify("home", line.path, "file").database;
    const faults = checkDatabase({
      file,
      name: line.path,
      of: home.runtime === "agh" ? of : undefined,
      lastSequence: line.database?.last_sequence,
      scratch,
    });
    for (const fault of faults) yield findingOf(home, line.path, fault);
  }
}

/** Whether a runtime whose sessions are rows finds them, each with its events. */
async function* testSessions({ home, source, counts }: RestoredHome, deps: Deps): AsyncGenerator<Finding> {
  counts["sessions"] = 0;
  try {
    using reader = await openEventsReader(source, home, deps);
    for await (const { id, has } of source.sessions(home, {}, deps)) {
      deps.signal.throwIfAborted();
      counts["sessions"]++;
      if (!has.events) continue;
      for await (const _ of reader.events(id, { tail: 1 })) break;
    }
  } catch (error) {
    yield findingOf(home, undefined, unreadableFault("SESSIONS_UNREADABLE", error));
  }
}

async function* testLedgers({ home, counts }: RestoredHome, deps: Deps): AsyncGenerator<Finding> {
  counts["sessions"] = counts["ledgers"] = 0;
  try {
    for await (const session of ledgerSessions(home, {}, deps)) {
      deps.signal.throwIfAborted();
      if (session.dir) counts["sessions"]++;
      if (!session.hasLedger || !session.dir || !session.meta || !session.session.has.events) continue;
      counts["ledgers"]++;
      const fault = compareOne(session, deps);
      if (fault) yield findingOf(home, session.id, fault);
    }
  } catch (error) {
    yield findingOf(home, undefined, unreadableFault("SESSIONS_UNREADABLE", error));
  }
}

function compareOne({ id, dir, meta, ledger, target }: LedgerSession, deps: Deps): CheckFault | undefined {
  try {
    using reading = openEvents(dir!, deps);
    const found = compareLedger(ledger!, reading.db, id, headLine(meta!, target?.partition ?? ""));
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
export function unreadableFault(code: string, error: unknown): CheckFault {
  if (!(error instanceof ToolError)) throw error;
  return { code, severity: "error", message: error.message, evidence: { cause: error.code } };
}

export const findingOf = ({ runtime, place }: Home, id: string | undefined, fault: CheckFault): Finding => ({
  kind: "finding",
  runtime,
  home: place,
  ...(id !== undefined && { id }),
  ...fault,
});

/** Where a line of the home lies once it is restored to `dir`. */
export const restoredFile = (dir: string, { path }: Pick<ListingLine, "path">): string => joinPath(dir, path);
