// Findings in the events of a session, each database read once: pages, schema, sequence, ledger, totals.
import type { DatabaseSync } from "node:sqlite";
import { joinPath } from "../../../files/os-path.ts";
import { EXIT, ToolError } from "../../../records/error.ts";
import { checkIntegrity } from "../../../sqlite/read/integrity-check.ts";
import { busy, toDatabaseError } from "../../../sqlite/errors.ts";
import { openEvents, readCatalog } from "../home/databases.ts";
import { openSettled } from "../events/each-session.ts";
import { startIntegrityPrefetcher } from "./integrity-prefetcher.ts";
import { readSequence } from "../events/event-sequence.ts";
import { readFileMark } from "../../../files/file-mark.ts";
import type { Check, AghFinding, StoredSession, CheckContext, AghRule } from "./check-types.ts";
import { EVENTS } from "../home/layout.ts";
import type { LedgerVerdict } from "../../ledgers.ts";
import { compareLedger } from "../ledger/compare-ledger.ts";
import { headLine } from "../ledger/head-line.ts";
import { checkMigrations } from "../catalog/migrations.ts";
import { readTokenStats, readTotals, type TokenStats } from "./token-totals.ts";
import { basename, dirname } from "node:path";

const rule = (severity: AghRule["severity"], verdict: string, arises: string, loses = "nothing safe"): AghRule => ({
  severity,
  verdict,
  arises,
  action: [],
  loses,
});

const BROKEN: { readonly [code: string]: string | undefined } = {
  E_NOT_A_DATABASE: "EVENTS_CORRUPT",
  E_CORRUPT: "EVENTS_CORRUPT",
  E_FOREIGN_DATABASE: "EVENTS_FOREIGN",
  E_EMPTY_DATABASE: "EVENTS_FOREIGN",
};

const LEDGER: { readonly [verdict in LedgerVerdict]: string | undefined } = {
  equal: undefined,
  prefix: "LEDGER_PREFIX",
  ended_at: "LEDGER_ENDED_AT",
  purged: "LEDGER_PURGED",
  raw_stripped: "LEDGER_RAW_STRIPPED",
  differs: "LEDGER_DIFFERS",
};

const SALVAGED = "events on damaged pages that neither a backup nor the ledger has";

export const events: Check = {
  level: "full",
  rules: {
    EVENTS_CORRUPT: {
      ...rule(
        "error",
        "events.db is damaged: AGH will move it aside and create an empty one as soon as it opens it to write",
        "a disk error, a copy without its WAL",
        SALVAGED,
      ),
      action: ["restore", "salvage"],
    },
    EVENTS_DAMAGED: {
      ...rule("error", "pages of events.db are damaged", "a disk error", SALVAGED),
      action: ["restore", "salvage"],
    },
    EVENTS_FOREIGN: rule("error", "events.db has no events table", "another program's file was copied here"),
    EVENTS_UNREADABLE: rule("error", "events.db cannot be opened", "its owner or mode, or a disk error"),
    EVENTS_MIGRATION_UNKNOWN: rule(
      "error",
      "AGH cannot open events.db: it records a schema change that AGH does not know, or that differs from AGH's own",
      "a newer version of AGH had it open, or somebody wrote to schema_migrations",
    ),
    SEQUENCE_GAP: rule("error", "numbers are missing in the sequence of events", "rows were deleted or lost"),
    SEQUENCE_TWICE: rule("error", "two events have the same number", "two writers, or rows inserted by hand"),
    LEDGER_PREFIX: rule(
      "info",
      "AGH's repair at start has appended events after the ledger was written",
      "a crash",
      "nothing",
    ),
    LEDGER_ENDED_AT: rule("info", "AGH's repair at start has moved the session's end", "a crash", "nothing"),
    LEDGER_PURGED: rule("info", "the events are in the ledger only", "agh-vacuum events", "nothing"),
    LEDGER_RAW_STRIPPED: rule(
      "info",
      "a schema change of AGH took `raw` out of the events",
      "an update of AGH",
      "nothing",
    ),
    LEDGER_DIFFERS: rule(
      "error",
      "the ledger differs from the events",
      "one of the two was changed",
      "nothing safe: agh-ledger compare names the line, agh-ledger verify shows which of the two was sealed",
    ),
    LEDGER_UNREADABLE: rule("warn", "the ledger cannot be read", "its owner or mode, or it is not a regular file"),
    TOTALS_DIFFER: {
      ...rule(
        "warn",
        "token_stats is not the sum of the session's usage",
        "the daemon died between the two writes, or agh.db is older than events.db",
        "the row as it was",
      ),
      action: ["recompute-totals"],
    },
  },
  async *find(context) {
    const isClosed = context.stores.catalogError !== undefined || context.catalog.refusal !== undefined;
    const stats = isClosed ? undefined : readCatalog(context.catalogRoot, context.deps, readTokenStats);
    const sessions = context.sessions.filter(({ dir, events: bytes }) => dir && bytes);
    const dirs = sessions.map(({ dir }) => dir!.path);
    await using ahead = startIntegrityPrefetcher(dirs, depthOf(context), context.deps);
    for (const [at, known] of sessions.entries()) {
      context.deps.signal.throwIfAborted();
      yield* inSession({ context, known, stats, isSound: await ahead.isSound(at) });
    }
  },
};

interface SessionCheck {
  readonly context: CheckContext;
  readonly known: StoredSession;
  readonly stats: ReadonlyMap<string, TokenStats> | undefined;
  /** Its integrity has been checked already. */
  readonly isSound: boolean;
}

function* inSession(check: SessionCheck): Generator<AghFinding> {
  const { id, dir } = check.known;
  const path = joinPath(dir!.path, EVENTS);
  try {
    yield* settled(check);
  } catch (error) {
    const failure = toDatabaseError(path, error);
    if (!(failure instanceof ToolError) || failure.exit === EXIT.busy) throw error;
    const code = BROKEN[failure.code] ?? "EVENTS_UNREADABLE";
    const evidence = { path, cause: failure.code, file: readFileMark(path) };
    yield { code, id, message: `${id}: ${failure.message}`, evidence };
  }
}

const TRIES = 5;

/** Nothing is told of a database that was written to meanwhile. */
function settled(check: SessionCheck): readonly AghFinding[] {
  const { known, context } = check;
  for (let tries = 1; tries <= TRIES; tries++) {
    using reading = openSettled(() => openEvents(known.dir!.path, context.deps), context.deps);
    const found = Array.from(inEvents(check, reading.db));
    if (reading.unchanged()) return found;
  }
  throw busy(`session ${known.id} keeps changing: it was not checked`);
}

const depthOf = ({ level }: CheckContext): "quick" | "full" => (level === "deep" ? "full" : "quick");

function* inEvents({ context, known, stats, isSound }: SessionCheck, db: DatabaseSync): Generator<AghFinding> {
  const { id } = known;
  const path = joinPath(known.dir!.path, EVENTS);
  const { problem } = checkMigrations(db, "events");
  if (problem) yield { code: "EVENTS_MIGRATION_UNKNOWN", id, message: `${id}: ${problem}`, evidence: { path } };
  const lines = isSound ? [] : checkIntegrity(db, depthOf(context));
  if (lines.length > 0) {
    const evidence = { path, lines: lines.slice(0, 20), file: readFileMark(path) };
    return yield { code: "EVENTS_DAMAGED", id, message: `${id}: ${lines[0]}`, evidence };
  }
  yield* inSequence(id, db);
  yield* inLedger(known, db);
  if (stats) yield* inTotals(context, known, db, stats);
}

function* inSequence(id: string, db: DatabaseSync): Generator<AghFinding> {
  const { missing, surplus, ...ends } = readSequence(db);
  const lost = missing + (ends.first === null ? 0 : Math.max(0, Number(ends.first) - 1));
  if (lost > 0) {
    const message = `${id}: ${lost} of the numbers 1 to ${ends.last} are missing`;
    yield { code: "SEQUENCE_GAP", id, message, evidence: { missing: lost, ...ends } };
  }
  if (surplus > 0) {
    const message = `${id}: ${surplus} ${surplus === 1 ? "event has" : "events have"} the number of another one`;
    yield { code: "SEQUENCE_TWICE", id, message, evidence: { surplus, ...ends } };
  }
}

function* inLedger({ id, dir, ledger }: StoredSession, db: DatabaseSync): Generator<AghFinding> {
  if (ledger === undefined || dir!.meta?.state !== "stopped") return;
  try {
    const { verdict, ...facts } = compareLedger(
      ledger,
      db,
      id,
      headLine(dir!.meta, basename(dirname(dirname(ledger)))),
    );
    const code = LEDGER[verdict];
    if (code) yield { code, id, message: `the ledger of ${id}: ${verdict}`, evidence: { path: ledger, ...facts } };
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    yield { code: "LEDGER_UNREADABLE", id, message: error.message, evidence: { path: ledger, cause: error.code } };
  }
}

/** Only where AGH has kept every turn's part: its retention takes old rows away, and the sum begins anew. */
function* inTotals(
  context: CheckContext,
  { id, dir, row }: StoredSession,
  db: DatabaseSync,
  stats: ReadonlyMap<string, TokenStats>,
): Generator<AghFinding> {
  if (!row || dir!.meta?.state !== "stopped" || context.daemon.alive === true) return;
  const own = readTotals(db);
  if (!own || (context.sweepBefore !== undefined && own.first < context.sweepBefore)) return;
  const there = stats.get(id);
  if (there && isSame(there, own)) return;
  yield {
    code: "TOTALS_DIFFER",
    id,
    message: `token_stats of ${id} ${there ? "differs from" : "lacks"} the sum of its usage`,
    evidence: { row: there ?? null, usage: own },
    action: {
      verb: "recompute-totals",
      subject: { session_id: id },
      expect: { row: there ?? null, usage: own },
      loses: there ? "the row as it was" : null,
    },
  };
}

const isSame = (a: TokenStats, b: TokenStats): boolean =>
  a.input_tokens === b.input_tokens &&
  a.output_tokens === b.output_tokens &&
  a.total_tokens === b.total_tokens &&
  a.turn_count === b.turn_count &&
  Math.abs((a.total_cost ?? 0) - (b.total_cost ?? 0)) < 1e-6;
