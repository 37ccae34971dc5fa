// Brings sessions into a home: staged beside it, then all of them in one journaled change, or (when anything is wrong) none.
import { lstatSync, readFileSync } from "node:fs";
import { createCollector } from "../files/memory.ts";
import { writeAtomic } from "../files/atomic.ts";
import { joinPath, osPath } from "../files/os-path.ts";
import { hostileArchive } from "../files/safe-names.ts";
import type { OnBuffer } from "../formats/archive/archive-reader.ts";
import { ROWS } from "../formats/archive/receipt.ts";
import { decodeRows, encodeRows, type RowsFile } from "../formats/archive/rows.ts";
import { Run } from "../journal/run.ts";
import type { Location, Step } from "../journal/steps.ts";
import { withHomeChange } from "../places/home-change.ts";
import type { OpenPlace } from "../places/detect-source.ts";
import type { Deps } from "../records/deps.ts";
import type { HomeCustody, SessionParts } from "../sources/custody.ts";
import type { IncomingSession } from "./incoming-session.ts";
import { openCustody } from "./open-custody.ts";
import {
  assertPlaces,
  findPending,
  isCovered,
  rowsRefusal,
  type ConflictRules,
  type PendingSession,
} from "./plan-install.ts";
import { tombstoneFile } from "./tombstones.ts";

export interface InstallSessions {
  /** Command and verb. */
  readonly tool: string;
  /** A ULID. */
  readonly run: string;
  readonly incoming: readonly IncomingSession[];
  readonly rules: ConflictRules;
  readonly lockTimeoutMs: number;
}

/** What was done to the home: nothing for sessions that were there already. After a kill the next run of any command ends it. */
export function installSessions(
  opened: OpenPlace,
  { tool, run: name, incoming, rules, lockTimeoutMs }: InstallSessions,
  deps: Deps,
): Promise<readonly PendingSession[]> {
  return withHomeChange(opened, { lockTimeoutMs }, deps, async (journalHome) => {
    // Compared again: now nobody else changes the home, and a killed run may have been brought to its end.
    const { custody } = await openCustody(opened, deps);
    const pending = await findPending(custody, incoming, rules);
    if (pending.length === 0) return pending;
    using run = Run.begin(journalHome, tool, name);
    const { renumbered } = run.commit({ steps: await new Staging(run, custody, deps).stage(pending) });
    if (renumbered > 0) deps.log.info(`${renumbered} rows have new numbers: other rows use theirs`);
    return pending;
  });
}

interface Staged {
  readonly session: PendingSession;
  /** Where its parts are staged. */
  readonly dir: string;
  /** Of its rows; undefined where the home has them all. */
  readonly rows: Location | undefined;
}

class Staging {
  readonly #run: Run;
  readonly #custody: HomeCustody;
  readonly #deps: Deps;
  readonly #made = createCollector();

  constructor(run: Run, custody: HomeCustody, deps: Deps) {
    this.#run = run;
    this.#custody = custody;
    this.#deps = deps;
  }

  /** Rows come first: a directory without the rows that it needs would keep a daemon from starting. */
  async stage(pending: readonly PendingSession[]): Promise<Step[]> {
    const staged = await this.#extract(pending);
    const { id: homeId } = this.#custody.home;
    const rowsOf = (own: boolean): Location[] =>
      staged.flatMap(({ session: { incoming }, rows }) =>
        rows !== undefined && (incoming.homeId === homeId) === own ? [rows] : [],
      );
    const steps = [true, false].flatMap((own): Step[] => {
      const files = rowsOf(own);
      return files.length === 0 ? [] : [{ do: "insert-rows", files, own_home: own }];
    });
    return [...steps, ...staged.flatMap((one) => this.#fileSteps(one))];
  }

  async #extract(pending: readonly PendingSession[]): Promise<Staged[]> {
    const dirs: string[] = [];
    for (const [index, { incoming, moves }] of pending.entries()) {
      this.#deps.signal.throwIfAborted();
      const dir = this.#run.directory(String(index));
      const place = ({ path }: { path: string }): string | undefined =>
        path === ROWS || isCovered(path, moves) ? joinPath(dir, path) : undefined;
      await incoming.extract(place, this.#made);
      assertPlaces(this.#custody, incoming);
      const file = joinPath(dir, ROWS);
      if (!isThere(file)) writeAtomic(file, encodeRows(await incoming.rows()), { mode: 0o600 });
      dirs.push(dir);
      this.#deps.progress.update({ label: "unpacked", done: index + 1, total: pending.length, unit: "items" });
    }
    return this.#withRows(pending, dirs);
  }

  /** The last look at rows before the home is changed: at every one. */
  async #withRows(pending: readonly PendingSession[], dirs: readonly string[]): Promise<Staged[]> {
    const parts = pending.map(({ incoming }, index) => stagedParts(incoming, joinPath(dirs[index]!, ROWS), this.#made));
    const states = await this.#custody.compareRows(parts, { thorough: true });
    return pending.map((session, index) => {
      const [dir, state] = [dirs[index]!, states[index]!];
      if (state.state === "conflict") throw rowsRefusal(session.incoming, state);
      const rows = state.state === "missing" ? this.#run.locate(joinPath(dir, ROWS)) : undefined;
      return { session, dir, rows };
    });
  }

  #fileSteps({ session: { incoming, moves, aside }, dir }: Staged): Step[] {
    const { id: group } = incoming;
    const run = this.#run;
    const put = moves.map(({ part, to }): Step => {
      return { do: "move", from: run.locate(joinPath(dir, part)), to: run.locate(to), group };
    });
    const away = aside.map((path): Step => {
      const from = run.locate(path);
      return { do: "move", from, to: trashed(from, path), removes: true, seen: run.seen(path), group };
    });
    const stone = tombstoneFile(this.#custody.home.root, incoming.id);
    const ended: Step[] = isThere(stone)
      ? [{ do: "remove", path: run.locate(stone), seen: run.seen(stone), group }]
      : [];
    return [...away, ...put, ...ended];
  }
}

const isThere = (path: string): boolean => lstatSync(osPath(path), { throwIfNoEntry: false }) !== undefined;

/** As it lay below the home; what lay elsewhere by its whole path. */
const trashed = (from: Location, path: string): Location =>
  from.startsWith("home:") ? `trash:${from.slice("home:".length)}` : `trash:outside${path}`;

/** The same session, its rows read from where they are staged. */
const stagedParts = (incoming: IncomingSession, file: string, made: OnBuffer): SessionParts => ({
  id: incoming.id,
  runtime: incoming.runtime,
  homeId: incoming.homeId,
  partition: incoming.partition,
  files: incoming.files,
  schema: incoming.schema,
  rows: () => Promise.resolve(readRows(incoming.id, file, made)),
  withFile: (path, use) => incoming.withFile(path, use),
  database: (path, use) => incoming.database(path, use),
});

/** What a row takes in memory, as against its text. */
const AS_OBJECTS = 32;

function readRows(id: string, file: string, made: OnBuffer): RowsFile {
  const bytes = readFileSync(osPath(file));
  made(AS_OBJECTS * bytes.length);
  try {
    return decodeRows(bytes);
  } catch (error) {
    throw hostileArchive(`the archive of ${id}`, `invalid rows (${(error as Error).message})`);
  }
}
