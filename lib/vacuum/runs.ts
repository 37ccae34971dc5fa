// Removes the runs of an AGDD home that a retention takes: the plan, and with `apply` the deed.
import { hotSince, keepToo, staying, type Stay } from "../policy/expired-runs.ts";
import { openAble, type Place } from "../places/at-home.ts";
import type { OpenPlace } from "../places/source-of.ts";
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
import { actionOf, skipped, type Planning } from "./actions.ts";
import type { Proof } from "./gates.ts";
import { archived as archivedIn } from "./row-archived.ts";
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
  assertSettings(storage);
  const hotDays = options.hotDays ?? daysOf(home, storage);
  const planning = plan(opened, storage, { ...options, hotDays, archive: archiveOf(home, storage) }, deps);
  const { apply, lockTimeoutMs } = options;
  yield* remove({ tool: "agh-vacuum runs", opened, planning, apply, lockTimeoutMs }, deps);
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
    `${place}: ${prefix}_ENABLED asks for an archive before runs go, and ${prefix}_DESTINATION does not say where`,
    `agh-archive put --all --home ${place} --to DIR, then ${prefix}_DESTINATION=DIR agh-vacuum runs`,
  );
}

function daysOf({ place }: Home, { settings: { hotDays }, brand }: Storage): number {
  const name = `${brand.toUpperCase()}_STORAGE_HOT_DAYS`;
  if (hotDays === undefined) throw usageError(`nothing says which runs of ${place} go`, "agh-vacuum runs --hot-days 7");
  if (hotDays < 0) throw usageError(`${name} is ${hotDays}: that would remove everything`, "--hot-days 7");
  return hotDays;
}

type Retaining = Omit<VacuumRuns, "hotDays"> & { readonly hotDays: number; readonly archive: string | undefined };

async function* plan({ home, source }: OpenPlace, { file }: Storage, options: Retaining, deps: Deps): Planning {
  const now = deps.now();
  const cutoff = hotSince(now, options.hotDays);
  const { staleRunning } = options;
  const retention = {
    cutoff,
    now: now.getTime(),
    staleBefore: staleRunning === undefined ? undefined : now.getTime() - staleRunning,
  };
  const { runs, stay, going, strange } = readShaped(file, STORAGE_SHAPE, deps, (db) => {
    const runs = runFacts(db);
    const stay = staying(runs, retention);
    const going = runs.filter(({ id }) => !stay.has(id));
    const bytes = eventBytes(
      db,
      going.map(({ id }) => id),
    );
    const weighed = going.map((run) => ({ ...run, bytes: run.bytes + (bytes.get(run.id) ?? 0) }));
    return { runs, stay, going: weighed, strange: strangeTriggers(db) };
  });
  if (strange.length > 0) throw strangeTrigger(file, strange[0]!);
  const archived =
    options.archive === undefined ? undefined : await asked(going, options.archive, { home, source, deps });
  if (archived) {
    keepToo(
      runs,
      stay,
      going.filter(({ id }) => "refused" in archived.get(id)!).map(({ id }) => id),
      "unarchived",
    );
  }
  for (const run of going) {
    const answer = archived?.get(run.id);
    const proof = answer && "proof" in answer ? answer.proof : undefined;
    const action = actionFor(home, run, proof, options);
    if (!stay.has(run.id)) yield action;
    else yield skipped(action, answer && "refused" in answer ? answer.refused : "a child of it stays");
  }
  const gone = going.filter(({ id }) => !stay.has(id));
  return { facts: { cutoff: new Date(cutoff).toISOString(), ...sums(gone), stays: counted(stay) } };
}

type Answers = Map<string, Awaited<ReturnType<typeof archivedIn>>>;

/** Whether the archive holds the very rows that would go. */
async function asked(
  going: readonly RunWeight[],
  archive: string,
  { home, source, deps }: Pick<OpenPlace, "home" | "source"> & { readonly deps: Deps },
): Promise<Answers> {
  const archival = await source.archival!();
  const answers: Answers = new Map();
  for (const { id } of going) {
    deps.signal.throwIfAborted();
    answers.set(id, await archivedIn(id, { home, archival, archive }, deps));
  }
  return answers;
}

const strangeTrigger = (file: string, name: string): Error =>
  refusal("E_STRANGE_TRIGGER", `${file} has a trigger '${name}' that AGDD does not make`, "look at it first");

function actionFor(home: Home, run: RunWeight, proof: Proof | undefined, options: Retaining): Action {
  const { forGood, toolkit } = options;
  const { id, agent, status, rows, bytes, fingerprint } = run;
  const newest = new Date(Math.max(run.started, run.ended ?? run.started, run.lastEvent ?? run.started));
  const reason = `${status}; nothing of it since ${newest.toISOString()}`;
  const trash = !forGood && options.archive === undefined;
  const subject = { session_id: id, agent_slug: agent, rows: { runs: 1, ...rows }, trash, ...proof };
  const loses =
    !trash && !proof?.archive ? `the run and its ${rows["events"] ?? 0} events, unless they are kept elsewhere` : null;
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
