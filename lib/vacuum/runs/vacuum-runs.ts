// Removes the runs of an AGDD home that a retention takes: the plan, and with `apply` the deed.
import { hotSince, keepAlso, computeKeptRuns, type KeepReason } from "../../policy/expired-runs.ts";
import { openWithCapability, type Place } from "../../places/open-with-capability.ts";
import type { OpenPlace } from "../../places/detect-source.ts";
import type { Deps } from "../../records/deps.ts";
import { refusal, usageError } from "../../records/error.ts";
import type { Action } from "../../records/result-kinds.ts";
import type { AnyRecord } from "../../records/record.ts";
import { readShaped, STORAGE_SHAPE } from "../../sources/agdd/catalog/databases.ts";
import { strangeTriggers } from "../../sources/agdd/catalog/full-text.ts";
import { storageOf, type Storage } from "../../sources/agdd/home/layout.ts";
import { eventBytes, runFacts, type RunWeight } from "../../sources/agdd/custody/run-facts.ts";
import type { Home } from "../../sources/source.ts";
import { noDatabase } from "../../sqlite/errors.ts";
import { createPlannedAction, asSkipped, type RemovalPlan } from "../removal-types.ts";
import type { GateProof } from "../gates/gates.ts";
import { proveRowsArchived as archivedIn } from "../gates/rows-archived-gate.ts";
import { runRemovals } from "../run-removals.ts";

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
  using opened = await openWithCapability(options.place, "runs", deps);
  const { home } = opened;
  const storage = storageOf(home, deps);
  if (!storage.exists) throw noDatabase(storage.file);
  assertSettings(storage);
  const hotDays = options.hotDays ?? daysOf(home, storage);
  const planning = planRuns(opened, storage, { ...options, hotDays, archive: archiveOf(home, storage) }, deps);
  const { apply, lockTimeoutMs } = options;
  yield* runRemovals({ tool: "agh-vacuum runs", opened, planning, apply, lockTimeoutMs }, deps);
}

/** A setting that cannot be read, and that says what goes or what is to be done before, stops here. */
function assertSettings({ settings }: Storage): void {
  const bad = settings.bad.find(({ name }) => name === "archive_enabled" || name === "hot_days");
  if (bad) throw usageError(bad.message, "AGDD does not start with it either");
}

/** Where runs must be archived before they go; undefined where nothing asks for it. */
function archiveOf({ place }: Home, { settings, brand }: Storage): string | undefined {
  if (!settings.archiveEnabled) return undefined;
  if (settings.archiveDestination) return settings.archiveDestination;
  const prefix = `${brand.toUpperCase()}_STORAGE_ARCHIVE`;
  throw refusal(
    "E_ARCHIVE_FIRST",
    `${place}: ${prefix}_ENABLED requires an archive before runs are removed, and ${prefix}_DESTINATION is not set`,
    `agh-archive put --all --home ${place} --to DIR, then ${prefix}_DESTINATION=DIR agh-vacuum runs`,
  );
}

function daysOf({ place }: Home, { settings: { hotDays }, brand }: Storage): number {
  const name = `${brand.toUpperCase()}_STORAGE_HOT_DAYS`;
  if (hotDays === undefined)
    throw usageError(`no retention is set for the runs of ${place}`, "agh-vacuum runs --hot-days 7");
  if (hotDays < 0) throw usageError(`${name} is ${hotDays}: that would remove everything`, "--hot-days 7");
  return hotDays;
}

type RetentionOptions = Omit<VacuumRuns, "hotDays"> & {
  readonly hotDays: number;
  readonly archive: string | undefined;
};

async function* planRuns(
  { home, source }: OpenPlace,
  { file }: Storage,
  options: RetentionOptions,
  deps: Deps,
): RemovalPlan {
  const now = deps.now();
  const cutoff = hotSince(now, options.hotDays);
  const { staleRunning } = options;
  const retention = {
    cutoff,
    now: now.getTime(),
    staleBefore: staleRunning === undefined ? undefined : now.getTime() - staleRunning,
  };
  const { runs, stay, expired, strange } = readShaped(file, STORAGE_SHAPE, deps, (db) => {
    const runs = runFacts(db);
    const stay = computeKeptRuns(runs, retention);
    const expired = runs.filter(({ id }) => !stay.has(id));
    const bytes = eventBytes(
      db,
      expired.map(({ id }) => id),
    );
    const weighed = expired.map((run) => ({ ...run, bytes: run.bytes + (bytes.get(run.id) ?? 0) }));
    return { runs, stay, expired: weighed, strange: strangeTriggers(db) };
  });
  if (strange.length > 0) throw strangeTrigger(file, strange[0]!);
  const archived =
    options.archive === undefined ? undefined : await proveArchived(expired, options.archive, { home, source, deps });
  if (archived) {
    keepAlso(
      runs,
      stay,
      expired.filter(({ id }) => "refused" in archived.get(id)!).map(({ id }) => id),
      "unarchived",
    );
  }
  for (const run of expired) {
    const answer = archived?.get(run.id);
    const proof = answer && "proof" in answer ? answer.proof : undefined;
    const action = actionFor(home, run, proof, options);
    if (!stay.has(run.id)) yield action;
    else yield asSkipped(action, answer && "refused" in answer ? answer.refused : "a child of it stays");
  }
  const removed = expired.filter(({ id }) => !stay.has(id));
  return { facts: { cutoff: new Date(cutoff).toISOString(), ...sums(removed), stays: counted(stay) } };
}

type Answers = Map<string, Awaited<ReturnType<typeof archivedIn>>>;

/** Whether the archive holds the very rows that would go. */
async function proveArchived(
  expired: readonly RunWeight[],
  archive: string,
  { home, source, deps }: Pick<OpenPlace, "home" | "source"> & { readonly deps: Deps },
): Promise<Answers> {
  const archival = await source.archival!();
  const answers: Answers = new Map();
  for (const { id } of expired) {
    deps.signal.throwIfAborted();
    answers.set(id, await archivedIn(id, { home, archival, archive }, deps));
  }
  return answers;
}

const strangeTrigger = (file: string, name: string): Error =>
  refusal("E_STRANGE_TRIGGER", `${file} has a trigger '${name}' that AGDD does not create`, "inspect it first");

function actionFor(home: Home, run: RunWeight, proof: GateProof | undefined, options: RetentionOptions): Action {
  const { forGood, toolkit } = options;
  const { id, agent, status, rows, bytes, fingerprint } = run;
  const newest = new Date(Math.max(run.started, run.ended ?? run.started, run.lastEvent ?? run.started));
  const reason = `${status}; last activity at ${newest.toISOString()}`;
  const trash = !forGood && options.archive === undefined;
  const subject = { session_id: id, agent_slug: agent, rows: { runs: 1, ...rows }, trash, ...proof };
  const loses =
    !trash && !proof?.archive ? `the run and its ${rows["events"] ?? 0} events, unless they are kept elsewhere` : null;
  return createPlannedAction(
    home,
    { id, verb: "remove-run", subject, expect: { fingerprint }, reason, bytes, loses },
    toolkit,
  );
}

function sums(expired: readonly RunWeight[]): { readonly runs: number; readonly rows: { [table: string]: number } } {
  const rows: { [table: string]: number } = {};
  for (const run of expired) {
    for (const [table, count] of Object.entries(run.rows)) rows[table] = (rows[table] ?? 0) + count;
  }
  return { runs: expired.length, rows };
}

function counted(stay: ReadonlyMap<string, KeepReason>): { [why in KeepReason]?: number } {
  const counts: { [why in KeepReason]?: number } = {};
  for (const why of stay.values()) counts[why] = (counts[why] ?? 0) + 1;
  return counts;
}
