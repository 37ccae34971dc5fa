// All that is checked of a home: what its runtime checks, and at the deepest level what is the same for every runtime.
import { closeSync, openSync, readSync } from "node:fs";
import { joinPath, osPath } from "../files/os-path.ts";
import { scratchDir, type Scratch } from "../files/scratch.ts";
import { belowRoot, walk, type WalkEntry } from "../files/walk.ts";
import type { Deps } from "../records/deps.ts";
import type { Finding } from "../records/result-kinds.ts";
import { EXIT, ToolError } from "../records/error.ts";
import { isDamage, sqliteCode, toDatabaseError } from "../sqlite/errors.ts";
import { checkIntegrity } from "../sqlite/read/integrity-check.ts";
import { openForReading } from "../sqlite/read/open.ts";
import type { Ledgers, SessionLedger } from "./ledgers.ts";
import { openEventsReader } from "./read-events.ts";
import type { CheckFinding, FindingRule, FindingRules, Level } from "./repair.ts";
import type { Home, Root, Source } from "./source.ts";

const rule = (
  severity: FindingRule["severity"],
  verdict: string,
  arises: string,
  loses = "nothing safe: agh-backup restore",
): FindingRule => ({ severity, verdict, arises, action: [], loses, level: "deep" });

/** Of every runtime; where a runtime has a rule of the same code, it says more. */
export const COMMON_RULES: FindingRules = new Map([
  [
    "OTHER_DATABASE_DAMAGED",
    rule(
      "error",
      "a database of an agent, an extension or a provider is damaged",
      "a disk error, or a copy of a database that was being written",
    ),
  ],
  [
    "OTHER_DATABASE_UNCHECKED",
    rule(
      "info",
      "a database of an agent, an extension or a provider could not be checked",
      "it needs an extension of SQLite, or it changes all the time",
      "nothing",
    ),
  ],
  ["SESSION_UNREADABLE", rule("error", "the events of a session cannot be read", "a disk error, or an edit")],
  [
    "LEDGER_DIFFERS",
    rule(
      "error",
      "the ledger differs from the events",
      "one of the two was changed",
      "nothing safe: agh-ledger compare names the line",
    ),
  ],
  ["LEDGER_UNREADABLE", rule("warn", "the ledger cannot be read", "its owner or mode, or it is not a regular file")],
]);

export interface WholeCheck {
  /** Ids of the sessions that were looked at. */
  readonly sessions: readonly string[];
  readonly rules: FindingRules;
  readonly findings: AsyncIterable<CheckFinding>;
}

type CheckedPlace = { readonly home: Home; readonly source: Source };

/** Touches nothing. What `agh-reconcile check` says of a home and what a drill says of its restored copy is this. */
export async function checkWholeHome(place: CheckedPlace, level: Level, deps: Deps): Promise<WholeCheck> {
  const repairer = await place.source.repairer?.();
  const own = await repairer?.check(place.home, { level }, deps);
  async function* findings(): AsyncGenerator<CheckFinding> {
    yield* own?.findings ?? [];
    if (level !== "deep") return;
    yield* checkHistories(place, deps);
    yield* checkOtherDatabases(place, (file) => own?.covers?.(file) ?? false, deps);
  }
  return {
    sessions: own?.sessions ?? [],
    rules: new Map([...COMMON_RULES, ...(repairer?.rules ?? [])]),
    findings: findings(),
  };
}

/** The record of a finding; severity comes from the table alone. */
export function checkFindingRecord(
  { runtime, place }: Home,
  { code, id, message, evidence, action }: CheckFinding,
  rules: FindingRules,
): Finding {
  const { severity } = rules.get(code)!;
  return {
    kind: "finding",
    runtime,
    home: place,
    ...(id !== undefined && { id }),
    code,
    severity: severity === "ok" ? "info" : severity,
    message,
    evidence,
    ...(action && { action: { verb: action.verb, loses: action.loses } }),
  };
}

/** Where sessions are rows: each with its events, and its ledger as it was. A runtime with files of their own checks them itself. */
async function* checkHistories({ home, source }: CheckedPlace, deps: Deps): AsyncGenerator<CheckFinding> {
  if (source.sessionLayout) return;
  const ledgers = await source.ledgers?.();
  using reader = await openEventsReader(source, home, deps).catch(ifToolError(() => undefined));
  try {
    for await (const { session, ledger } of sessionsIn({ home, source }, ledgers, deps)) {
      deps.signal.throwIfAborted();
      const found = session.has.events && reader ? await tryEvents(reader.events(session.id, { tail: 1 })) : undefined;
      if (found) yield { code: "SESSION_UNREADABLE", id: session.id, ...found };
      else if (ledger?.hasLedger && ledger.lacks === undefined) yield* checkLedger(ledger);
    }
  } catch (error) {
    // That its database cannot be read is a finding of the runtime's own.
    if (!(error instanceof ToolError) || error.exit !== EXIT.place) throw error;
  }
}

interface CheckedSession {
  readonly session: SessionLedger["session"];
  readonly ledger?: SessionLedger;
}

async function* sessionsIn(
  { home, source }: CheckedPlace,
  ledgers: Ledgers | undefined,
  deps: Deps,
): AsyncGenerator<CheckedSession> {
  if (!ledgers) for await (const session of source.sessions(home, {}, deps)) yield { session };
  else for await (const ledger of ledgers.sessions(home, {}, deps)) yield { session: ledger.session, ledger };
}

async function tryEvents(
  events: AsyncIterable<unknown>,
): Promise<Pick<CheckFinding, "message" | "evidence"> | undefined> {
  try {
    for await (const _ of events) break;
    return undefined;
  } catch (error) {
    return described("its events", error);
  }
}

async function* checkLedger({ id, ledger, open }: SessionLedger): AsyncGenerator<CheckFinding> {
  try {
    using reading = open();
    const { verdict, ...facts } = await reading.compare(ledger!);
    if (verdict !== "differs") return;
    const message = `the ledger of ${id} differs from its events at line ${facts.first_difference ?? "?"}`;
    yield { code: "LEDGER_DIFFERS", id, message, evidence: { path: ledger, ...facts } };
  } catch (error) {
    yield { code: "LEDGER_UNREADABLE", id, ...described(`the ledger of ${id}`, error) };
  }
}

/** What cannot be read is what is to be found out; a bug is thrown again. */
function described(of: string, error: unknown): Pick<CheckFinding, "message" | "evidence"> {
  const failure = toDatabaseError(of, error);
  if (!(failure instanceof ToolError)) throw error;
  return { message: failure.message, evidence: { cause: failure.code } };
}

const ifToolError =
  <T>(otherwise: () => T) =>
  (error: unknown): T => {
    if (!(error instanceof ToolError)) throw error;
    return otherwise();
  };

/** Every file with SQLite's header that the runtime's own checks have not opened, in every root. */
async function* checkOtherDatabases(
  place: CheckedPlace,
  isCovered: (file: string) => boolean,
  deps: Deps,
): AsyncGenerator<CheckFinding> {
  using scratch = scratchDir(deps.env);
  for (const { root, isExcluded } of await treesOf(place, deps)) {
    const unreadable = (): void => undefined; // a backup says what it cannot read
    const enter = (found: WalkEntry): boolean => !isExcluded(found);
    for (const found of walk(root.dir, { enter, unreadable, ...(root.only && { only: root.only }) })) {
      deps.signal.throwIfAborted();
      const file = belowRoot(root.dir, found.path);
      if (found.type !== "file" || found.stat.size < SMALLEST || isCovered(file) || isExcluded(found)) continue;
      const name = root.name === "home" ? found.path : joinPath(root.name, found.path);
      const fault = hasDatabaseHeader(file) ? findDatabaseFault(file, name, scratch) : undefined;
      if (fault) yield fault;
    }
  }
}

const SMALLEST = 512n;
/** Where a restored copy has what lay outside its home. */
const OUTSIDE = ".agh-toolkit/outside";

interface CheckedTree {
  readonly root: Root;
  /** What no backup takes, or what is damaged and kept as evidence. */
  isExcluded(found: WalkEntry): boolean;
}

async function treesOf({ home, source }: CheckedPlace, deps: Deps): Promise<readonly CheckedTree[]> {
  const trees = (await source.roots(home, deps)).map((root) => ({
    root,
    isExcluded: ({ path, type }: WalkEntry) => {
      const { class: of, never } = source.classify(root.name, path, type);
      return never !== undefined || of === "evidence";
    },
  }));
  const outside = { name: "outside", dir: joinPath(home.root, OUTSIDE) };
  return home.live ? trees : [...trees, { root: outside, isExcluded: () => false }];
}

const MAGIC = "SQLite format 3\0";

/** Whether a file says that it is a database. */
export function hasDatabaseHeader(file: string): boolean {
  try {
    const fd = openSync(osPath(file), "r");
    try {
      const start = Buffer.alloc(MAGIC.length);
      return readSync(fd, start, 0, start.length, 0) === start.length && start.toString("latin1") === MAGIC;
    } finally {
      closeSync(fd);
    }
  } catch {
    return false; // a backup says what it cannot read
  }
}

/** Of a database of which nothing is known but that it is one. */
export function findDatabaseFault(file: string, name: string, scratch: Scratch): CheckFinding | undefined {
  const evidence = { path: name };
  try {
    using reading = openForReading(file, { scratch });
    const lines = checkIntegrity(reading.db, "full");
    if (lines.length === 0) return undefined;
    const messages = lines.slice(0, SHOWN);
    return { code: "OTHER_DATABASE_DAMAGED", message: `${name}: ${lines[0]}`, evidence: { ...evidence, messages } };
  } catch (error) {
    const failure = toDatabaseError(file, error);
    // A statement that SQLite does not understand: a collation or a module that only its program has.
    const isForeign = sqliteCode(error) === 1;
    if (!isForeign && !(failure instanceof ToolError)) throw error;
    const code =
      isDamage(failure) || (failure instanceof ToolError && DAMAGED.has(failure.code))
        ? "OTHER_DATABASE_DAMAGED"
        : "OTHER_DATABASE_UNCHECKED";
    return { code, message: `${name}: ${(failure as Error).message}`, evidence };
  }
}

const DAMAGED: ReadonlySet<string> = new Set(["E_CORRUPT", "E_NOT_A_DATABASE", "E_EMPTY_DATABASE"]);
const SHOWN = 5;
