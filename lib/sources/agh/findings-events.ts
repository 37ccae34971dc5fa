// Findings in the events of a session, each database read once: pages, schema, sequence, ledger, totals.
import type { DatabaseSync } from "node:sqlite";
import { joinPath } from "../../files/os-path.ts";
import { EXIT, ToolError } from "../../records/error.ts";
import { integrity } from "../../sqlite/check.ts";
import { busy, databaseTrouble } from "../../sqlite/trouble.ts";
import { openEvents, readCatalog } from "./databases.ts";
import { openSettled } from "./each-session.ts";
import { integrityAhead } from "./integrity-ahead.ts";
import { readSequence } from "./event-sequence.ts";
import { markOf } from "./findings-mark.ts";
import type { Check, Found, Known, Look, Rule } from "./findings-rule.ts";
import { EVENTS } from "./layout.ts";
import type { LedgerVerdict } from "../ledgers.ts";
import { compareLedger } from "./ledger-compare.ts";
import { headLine } from "./ledger-head.ts";
import { migrationsOf } from "./migrations.ts";
import { tokenStats, totalsOf, type TokenStats } from "./truth-totals.ts";
import { basename, dirname } from "node:path";

const rule = (severity: Rule["severity"], verdict: string, arises: string, loses = "nothing safe"): Rule => ({
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
        "events.db is damaged: AGH will move it aside and begin an empty one as soon as it opens it to write",
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
      "AGH cannot open events.db: it records a schema change that AGH does not know, or knows otherwise",
      "a newer version of AGH had it open, or somebody wrote to schema_migrations",
    ),
    SEQUENCE_GAP: rule("warn", "numbers are missing in the sequence of events", "rows were deleted or lost"),
    SEQUENCE_TWICE: rule("error", "two events have the same number", "two writers, or rows put in by hand"),
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
      "ledger and events do not say the same",
      "one of the two was changed",
      "nothing safe: agh-ledger compare names the line, agh-ledger verify tells which of the two was sealed",
    ),
    LEDGER_UNREADABLE: rule("warn", "the ledger cannot be read", "its owner or mode, or it is no regular file"),
    TOTALS_DIFFER: {
      ...rule(
        "warn",
        "token_stats is not the sum of the session's usage",
        "the daemon died between the two, or agh.db is older than events.db",
        "the row as it was",
      ),
      action: ["recompute-totals"],
    },
  },
  async *find(look) {
    const isClosed = look.stores.catalogTrouble !== undefined || look.catalog.refusal !== undefined;
    const stats = isClosed ? undefined : readCatalog(look.catalogRoot, look.deps, tokenStats);
    const sessions = look.sessions.filter(({ dir, events: bytes }) => dir && bytes);
    const dirs = sessions.map(({ dir }) => dir!.path);
    await using ahead = integrityAhead(dirs, depthOf(look), look.deps);
    for (const [at, known] of sessions.entries()) {
      look.deps.signal.throwIfAborted();
      yield* inSession({ look, known, stats, isSound: await ahead.isSound(at) });
    }
  },
};

interface Asked {
  readonly look: Look;
  readonly known: Known;
  readonly stats: ReadonlyMap<string, TokenStats> | undefined;
  /** Its integrity has been checked already. */
  readonly isSound: boolean;
}

function* inSession(asked: Asked): Generator<Found> {
  const { id, dir } = asked.known;
  const path = joinPath(dir!.path, EVENTS);
  try {
    yield* settled(asked);
  } catch (error) {
    const trouble = databaseTrouble(path, error);
    if (!(trouble instanceof ToolError) || trouble.exit === EXIT.busy) throw error;
    const code = BROKEN[trouble.code] ?? "EVENTS_UNREADABLE";
    const evidence = { path, cause: trouble.code, file: markOf(path) };
    yield { code, id, message: `${id}: ${trouble.message}`, evidence };
  }
}

const TRIES = 5;

/** Nothing is told of a database that was written to meanwhile. */
function settled(asked: Asked): readonly Found[] {
  const { known, look } = asked;
  for (let tries = 1; tries <= TRIES; tries++) {
    using reading = openSettled(() => openEvents(known.dir!.path, look.deps), look.deps);
    const found = Array.from(inEvents(asked, reading.db));
    if (reading.unchanged()) return found;
  }
  throw busy(`session ${known.id} is written to all the time: it was not checked`);
}

const depthOf = ({ level }: Look): "quick" | "full" => (level === "deep" ? "full" : "quick");

function* inEvents({ look, known, stats, isSound }: Asked, db: DatabaseSync): Generator<Found> {
  const { id } = known;
  const path = joinPath(known.dir!.path, EVENTS);
  const { trouble } = migrationsOf(db, "events");
  if (trouble) yield { code: "EVENTS_MIGRATION_UNKNOWN", id, message: `${id}: ${trouble}`, evidence: { path } };
  const lines = isSound ? [] : integrity(db, depthOf(look));
  if (lines.length > 0) {
    const evidence = { path, lines: lines.slice(0, 20), file: markOf(path) };
    return yield { code: "EVENTS_DAMAGED", id, message: `${id}: ${lines[0]}`, evidence };
  }
  yield* inSequence(id, db);
  yield* inLedger(known, db);
  if (stats) yield* inTotals(look, known, db, stats);
}

function* inSequence(id: string, db: DatabaseSync): Generator<Found> {
  const { missing, surplus, ...ends } = readSequence(db);
  const fromStart = ends.first !== null && ends.first > 1;
  const lost = missing + (fromStart ? ends.first! - 1 : 0);
  if (lost > 0) {
    const message = `${id}: ${lost} of the numbers 1 to ${ends.last} are missing`;
    yield { code: "SEQUENCE_GAP", id, message, evidence: { missing: lost, ...ends } };
  }
  if (surplus > 0) {
    const message = `${id}: ${surplus} events bear the number of another one`;
    yield { code: "SEQUENCE_TWICE", id, message, evidence: { surplus, ...ends } };
  }
}

function* inLedger({ id, dir, ledger }: Known, db: DatabaseSync): Generator<Found> {
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
  look: Look,
  { id, dir, row }: Known,
  db: DatabaseSync,
  stats: ReadonlyMap<string, TokenStats>,
): Generator<Found> {
  if (!row || dir!.meta?.state !== "stopped" || look.daemon.alive === true) return;
  const own = totalsOf(db);
  if (!own || (look.sweepBefore !== undefined && own.first < look.sweepBefore)) return;
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
