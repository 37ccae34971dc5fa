// Holds everything in an AGDD project against everything else.
import { existsSync, readdirSync } from "node:fs";
import type { DatabaseSync } from "node:sqlite";
import { joinPath, osPath } from "../../../files/os-path.ts";
import { scratchDir } from "../../../files/scratch.ts";
import type { Deps } from "../../../records/deps.ts";
import { ToolError } from "../../../records/error.ts";
import { checkIntegrity } from "../../../sqlite/read/integrity-check.ts";
import { copyDatabase, withCopy } from "../../../sqlite/copy/copy-database.ts";
import type { CheckFinding, CheckResult, Level, Repair } from "../../repair.ts";
import type { Home } from "../../source.ts";
import { costFiles, type CostFile } from "../costs/costs.ts";
import { COSTS_SHAPE, readShaped, STORAGE_SHAPE } from "../catalog/databases.ts";
import type { AgddFindingCode } from "./rules.ts";
import { hasIndex, indexFault } from "../catalog/full-text.ts";
import { COST_DATABASES, olderStorage, storageOf, type Storage } from "../home/layout.ts";
import { legacyDir, legacyIds, readLegacy, type LegacyRun } from "../sessions/legacy-runs.ts";
import { lastEvents } from "../catalog/run-rows.ts";
import { isUsual, millis } from "../time.ts";

/** As every finding, with a code of the table. */
type AgddFinding = CheckFinding & { readonly code: AgddFindingCode };

interface CheckInput {
  readonly home: Home;
  readonly storage: Storage;
  readonly level: Level;
  readonly legacy: readonly LegacyRun[];
  readonly deps: Deps;
}

/** Reads the home; what cannot be read is a finding. Nothing is touched. */
export async function check(home: Home, level: Level, deps: Deps): Promise<CheckResult> {
  const storage = storageOf(home, deps);
  const legacy = legacyIds(home.root).map((id) => readLegacy(home.root, id));
  const known = storage.exists ? readRows({ storage, level, deps }) : undefined;
  const ids = typeof known === "object" ? known.events.keys() : [];
  const sessions = [...new Set([...ids, ...legacy.map(({ id }) => id)])].sort();
  const covered = new Set([storage.file, ...COST_DATABASES.map((path) => joinPath(home.root, path))]);
  return {
    sessions,
    findings: findings({ home, storage, level, legacy, deps }, known),
    covers: (file) => covered.has(file),
  };
}

/** In the order in which they are reported. */
function* findings(input: CheckInput, known: Rows | string | undefined): Generator<AgddFinding> {
  const { storage, level } = input;
  yield* settings(input);
  if (level !== "quick") yield* soundness(input);
  if (typeof known === "string") yield { code: "STORAGE_CORRUPT", message: known, evidence: { path: storage.file } };
  else if (known) yield* known.found;
  if (level !== "quick" && storage.exists && typeof known === "object" && known.indexed) yield* index(input);
  yield* legacyRuns(input, typeof known === "object" ? known.events : undefined);
  yield* costs(input);
}

function* settings({ storage, home }: CheckInput): Generator<AgddFinding> {
  for (const { name, message } of storage.settings.bad) {
    yield { code: "SETTING_BAD", message, evidence: { setting: name, home: home.place } };
  }
  const older = olderStorage(home.root);
  if (older !== undefined) {
    yield { code: "STORAGE_TWICE", message: `${older} is not read: a newer one exists`, evidence: { path: older } };
  }
}

function* soundness({ home, storage, deps }: CheckInput): Generator<AgddFinding> {
  const files = [
    ...(storage.exists ? [{ file: storage.file, shape: STORAGE_SHAPE }] : []),
    ...COST_DATABASES.map((path) => ({ file: joinPath(home.root, path), shape: COSTS_SHAPE })),
  ];
  for (const { file, shape } of files.filter((one) => existsSync(osPath(one.file)))) {
    deps.signal.throwIfAborted();
    const [fault] = faultsOf(() => readShaped(file, shape, deps, (db) => checkIntegrity(db, "full")));
    if (fault !== undefined) yield { code: "STORAGE_CORRUPT", message: `${file}: ${fault}`, evidence: { path: file } };
  }
}

/** What cannot be read is what is to be found out. */
function faultsOf(read: () => string[]): string[] {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof ToolError) || error.code === "E_BUSY") throw error;
    return [error.message];
  }
}

interface Rows {
  readonly found: readonly AgddFinding[];
  readonly indexed: boolean;
  /** Run id to the number of its events. */
  readonly events: ReadonlyMap<string, number>;
}

/** What the rows say; the error's message where they cannot be read. */
function readRows({ storage, level, deps }: Pick<CheckInput, "storage" | "level" | "deps">): Rows | string {
  try {
    return readShaped(storage.file, STORAGE_SHAPE, deps, (db) => {
      const indexed = hasIndex(db);
      const found: AgddFinding[] = [...orphans(db), ...stale(db, deps.now())];
      if (level !== "quick") found.push(...stamps(db));
      if (!indexed && storage.settings.enableFts) {
        const message = "storage.db has no full-text index: AGDD's own search fails";
        found.push({ code: "INDEX_MISSING", message, evidence: { path: storage.file } });
      }
      return { found, indexed, events: eventCounts(db) };
    });
  } catch (error) {
    if (!(error instanceof ToolError) || error.code === "E_BUSY") throw error;
    return error.message;
  }
}

const ORPHANS = `SELECT run_id AS id, count(*) AS events FROM events
  WHERE run_id NOT IN (SELECT run_id FROM runs) GROUP BY run_id ORDER BY run_id`;
const LOST = `SELECT run_id AS id, parent_run_id AS parent FROM runs
  WHERE parent_run_id IS NOT NULL AND parent_run_id NOT IN (SELECT run_id FROM runs) ORDER BY run_id`;

function* orphans(db: DatabaseSync): Generator<AgddFinding> {
  for (const row of db.prepare(ORPHANS).iterate()) {
    const id = String(row["id"]);
    yield {
      code: "EVENT_ORPHAN",
      id,
      message: `${row["events"]} events belong to ${id}, which does not exist`,
      evidence: { ...row },
    };
  }
  for (const row of db.prepare(LOST).iterate()) {
    const id = String(row["id"]);
    const message = `${id} names the parent ${row["parent"]}, which does not exist`;
    yield { code: "RUN_PARENT_MISSING", id, message, evidence: { ...row } };
  }
}

const WEEK_MS = 7 * 86_400_000;

function* stale(db: DatabaseSync, now: Date): Generator<AgddFinding> {
  const lastOf = lastEvents(db);
  const running = "SELECT run_id AS id, started_at FROM runs WHERE status = 'running' ORDER BY run_id";
  for (const row of db.prepare(running).all()) {
    const id = String(row["id"]);
    const last = lastOf(id).at ?? String(row["started_at"]);
    const at = millis(last);
    if (at === undefined || at > now.getTime() - WEEK_MS) continue;
    const message = `${id} claims to be running, and its last event is of ${last}`;
    yield { code: "RUN_STALE", id, message, evidence: { last_event_at: last } };
  }
}

const STAMPS = `SELECT 'runs' AS "table", run_id AS id, started_at AS stamp FROM runs WHERE NOT coalesce(started_at GLOB ?1, 0)
  UNION ALL SELECT 'runs', run_id, ended_at FROM runs WHERE ended_at IS NOT NULL AND NOT coalesce(ended_at GLOB ?1, 0)
  UNION ALL SELECT 'events', run_id, ts FROM events WHERE NOT coalesce(ts GLOB ?1, 0)`;

/** One finding a run: what of its stamps is not of the form that sorts. */
function* stamps(db: DatabaseSync): Generator<AgddFinding> {
  const unsortable = new Map<string, string[]>();
  for (const row of db.prepare(STAMPS).iterate("????-??-??T??:??:??*+00:00")) {
    const stamp = String(row["stamp"]);
    if (isUsual(stamp)) continue;
    const id = String(row["id"]);
    unsortable.set(id, [...(unsortable.get(id) ?? []), stamp]);
  }
  for (const [id, all] of [...unsortable].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const message = `${id} has ${all.length} time stamps that sort wrongly as text, e.g. ${all[0]}`;
    yield { code: "STAMP_UNSORTABLE", id, message, evidence: { stamps: all.slice(0, SHOWN), count: all.length } };
  }
}

const SHOWN = 5;

function eventCounts(db: DatabaseSync): Map<string, number> {
  const statement = db.prepare(
    "SELECT run_id, (SELECT count(*) FROM events AS e WHERE e.run_id = r.run_id) FROM runs AS r",
  );
  statement.setReturnArrays(true);
  return new Map(statement.all() as unknown as [string, number][]);
}

/** The check is a statement that writes, so it is asked of a copy. */
function* index({ storage: { file }, deps }: CheckInput): Generator<AgddFinding> {
  using scratch = scratchDir(deps.env);
  const copy = joinPath(scratch.fresh(), "copy.db");
  copyDatabase(file, copy, deps.signal);
  const fault = withCopy(copy, indexFault);
  if (fault === null) return;
  const message = `the full-text index of ${file} does not match the messages: ${fault}`;
  const action: Repair = { verb: "rebuild-index", subject: { path: file }, expect: { fault }, loses: null };
  yield { code: "INDEX_GHOSTS", message, evidence: { path: file, fault }, action };
}

function* legacyRuns(
  { home, legacy }: CheckInput,
  events: ReadonlyMap<string, number> | undefined,
): Generator<AgddFinding> {
  for (const run of legacy) {
    const { id, lines, problem, finished } = run;
    const stored = events?.get(id);
    if (problem !== undefined)
      yield { code: "RUN_FILE_BROKEN", id, message: `${id}: ${problem}`, evidence: { problem } };
    if (stored !== undefined && stored < lines) {
      const message = `${id} has ${stored} events in storage.db, and ${lines} lines in its log`;
      yield { code: "RUN_HALF_IMPORTED", id, message, evidence: { events: stored, lines } };
    }
    if (!finished) yield { code: "RUN_UNFINISHED", id, message: `${id} has no summary.json`, evidence: { lines } };
    else if (events && stored === undefined) {
      yield { code: "RUN_NOT_IMPORTED", id, message: `${id} is not in storage.db`, evidence: { lines } };
    }
    for (const name of namesIn(legacyDir(home.root, id)).filter((one) => /^tmp[a-z0-9_]{4,}$/.test(one))) {
      yield { code: "TEMP_LEFT", id, message: `${id} has a left-over ${name}`, evidence: { name } };
    }
  }
}

function namesIn(dir: string): string[] {
  return readdirSync(osPath(dir)).sort();
}

function* costs({ home, deps }: CheckInput): Generator<AgddFinding> {
  let files: CostFile[];
  try {
    files = costFiles(home.root, deps);
  } catch (error) {
    if (!(error instanceof ToolError) || error.code === "E_BUSY") throw error;
    yield { code: "STORAGE_CORRUPT", message: error.message, evidence: { code: error.code } };
    return;
  }
  for (const { file, torn } of files.filter((one) => one.torn > 0)) {
    yield {
      code: "COSTS_TORN",
      message: `${file} has ${torn} torn ${torn === 1 ? "line" : "lines"}`,
      evidence: { path: file, torn },
    };
  }
  const ledgers = files.filter(({ file }) => file.endsWith(".jsonl"));
  const databases = files.filter(({ file }) => !file.endsWith(".jsonl"));
  if (ledgers.length === 0 || databases.length === 0) return;
  const [behind, ahead] = [missing(ledgers, databases), missing(databases, ledgers)];
  const path = databases[0]!.file;
  if (behind > 0) {
    yield {
      code: "COSTS_BEHIND",
      message: `${path} lacks ${behind} ${behind === 1 ? "entry" : "entries"} of the ledger`,
      evidence: { path, behind },
    };
  }
  if (ahead > 0) {
    yield {
      code: "COSTS_AHEAD",
      message: `${path} has ${ahead} ${ahead === 1 ? "entry" : "entries"} that the ledger lacks`,
      evidence: { path, ahead },
    };
  }
}

/** How many entries of the one the others lack; equal ones are counted. */
function missing(from: readonly CostFile[], others: readonly CostFile[]): number {
  const most = (files: readonly CostFile[], key: string): number =>
    Math.max(0, ...files.map(({ entries }) => entries.get(key)?.count ?? 0));
  const keys = new Set(from.flatMap(({ entries }) => [...entries.keys()]));
  return [...keys].reduce((sum, key) => sum + Math.max(0, most(from, key) - most(others, key)), 0);
}
