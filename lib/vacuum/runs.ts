// Removes the runs of an AGDD home that a retention takes: the plan, and with `apply` the deed.
import { hotSince, staying, type Stay } from "../policy/expired-runs.ts";
import { openAble, type Place } from "../places/at-home.ts";
import type { Deps } from "../records/deps.ts";
import { refusal, usageError } from "../records/error.ts";
import type { Action } from "../records/judgements.ts";
import type { AnyRecord } from "../records/record.ts";
import { readShaped, STORAGE_SHAPE } from "../sources/agdd/databases.ts";
import { strangeTriggers } from "../sources/agdd/full-text.ts";
import { storageOf, type Storage } from "../sources/agdd/layout.ts";
import { eventBytes, runFacts, type RunWeight } from "../sources/agdd/run-facts.ts";
import type { Home } from "../sources/source.ts";
import { noDatabase } from "../sqlite/trouble.ts";
import { actionOf, type Planning } from "./actions.ts";
import { remove } from "./remove.ts";

export interface VacuumRuns {
  readonly place: Place;
  /** AGDD_STORAGE_HOT_DAYS where it is undefined. */
  readonly hotDays: number | undefined;
  /** Runs that claim to be running go when nothing of them is younger, in milliseconds; undefined keeps them. */
  readonly staleRunning: number | undefined;
  /** Nothing goes to the trash. */
  readonly forGood: boolean;
  readonly toolkit: string;
  readonly apply: boolean;
  readonly lockTimeoutMs: number;
}

/** Yields an `action` for each run that goes, and a `summary` that tells how many stay and why. */
export async function* vacuumRuns(options: VacuumRuns, deps: Deps): AsyncGenerator<AnyRecord> {
  using opened = await openAble(options.place, "runs", deps);
  const { home } = opened;
  const storage = storageOf(home, deps);
  if (!storage.exists) throw noDatabase(storage.file);
  assertSettings(home, storage);
  const hotDays = options.hotDays ?? daysOf(home, storage);
  const planning = plan(home, storage, { ...options, hotDays }, deps);
  const { apply, lockTimeoutMs } = options;
  yield* remove({ tool: "agh-vacuum runs", opened, planning, apply, lockTimeoutMs }, deps);
}

/** AGDD's settings say what is to be done before runs go; one that cannot be read, or cannot be done, stops here. */
function assertSettings({ place }: Home, { settings, brand }: Storage): void {
  const bad = settings.bad.find(({ name }) => name === "archive_enabled" || name === "hot_days");
  if (bad) throw usageError(bad.message, "AGDD does not start with it either");
  if (!settings.archiveEnabled) return;
  const name = `${brand.toUpperCase()}_STORAGE_ARCHIVE_ENABLED`;
  throw refusal(
    "E_ARCHIVE_FIRST",
    `${place}: ${name} asks for an archive before runs go, and runs cannot be archived yet`,
    `agh-backup create --home ${place} keeps all of it; then ${name}=false agh-vacuum runs --hot-days N`,
  );
}

function daysOf({ place }: Home, { settings: { hotDays }, brand }: Storage): number {
  const name = `${brand.toUpperCase()}_STORAGE_HOT_DAYS`;
  if (hotDays === undefined) throw usageError(`nothing says which runs of ${place} go`, "agh-vacuum runs --hot-days 7");
  if (hotDays < 0) throw usageError(`${name} is ${hotDays}: that would remove everything`, "--hot-days 7");
  return hotDays;
}

type Retaining = Omit<VacuumRuns, "hotDays"> & { readonly hotDays: number };

async function* plan(home: Home, { file }: Storage, options: Retaining, deps: Deps): Planning {
  const now = deps.now();
  const cutoff = hotSince(now, options.hotDays);
  const { staleRunning } = options;
  const retention = {
    cutoff,
    now: now.getTime(),
    staleBefore: staleRunning === undefined ? undefined : now.getTime() - staleRunning,
  };
  const { stay, going, strange } = readShaped(file, STORAGE_SHAPE, deps, (db) => {
    const runs = runFacts(db);
    const stay = staying(runs, retention);
    const going = runs.filter(({ id }) => !stay.has(id));
    const bytes = eventBytes(
      db,
      going.map(({ id }) => id),
    );
    const weighed = going.map((run) => ({ ...run, bytes: run.bytes + (bytes.get(run.id) ?? 0) }));
    return { stay, going: weighed, strange: strangeTriggers(db) };
  });
  if (strange.length > 0) throw strangeTrigger(file, strange[0]!);
  for (const run of going) yield actionFor(home, run, options);
  return { facts: { cutoff: new Date(cutoff).toISOString(), ...sums(going), stays: counted(stay) } };
}

const strangeTrigger = (file: string, name: string): Error =>
  refusal("E_STRANGE_TRIGGER", `${file} has a trigger '${name}' that AGDD does not make`, "look at it first");

function actionFor(home: Home, run: RunWeight, { forGood, toolkit }: Retaining): Action {
  const { id, agent, status, rows, bytes, fingerprint } = run;
  const newest = new Date(Math.max(run.started, run.ended ?? run.started, run.lastEvent ?? run.started));
  const reason = `${status}; nothing of it since ${newest.toISOString()}`;
  const subject = { run_id: id, agent_slug: agent, rows: { runs: 1, ...rows }, trash: !forGood };
  const loses = forGood ? `the run and its ${rows["events"] ?? 0} events, unless they are kept elsewhere` : null;
  return actionOf(home, { id, verb: "remove-run", subject, expect: { fingerprint }, reason, bytes, loses }, toolkit);
}

function sums(going: readonly RunWeight[]): { readonly runs: number; readonly rows: { [table: string]: number } } {
  const rows: { [table: string]: number } = {};
  for (const run of going) {
    for (const [table, count] of Object.entries(run.rows)) rows[table] = (rows[table] ?? 0) + count;
  }
  return { runs: going.length, rows };
}

function counted(stay: ReadonlyMap<string, Stay>): { [why in Stay]?: number } {
  const counts: { [why in Stay]?: number } = {};
  for (const why of stay.values()) counts[why] = (counts[why] ?? 0) + 1;
  return counts;
}
