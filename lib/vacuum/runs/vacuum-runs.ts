// Removes the runs of a home that its retention takes: the plan, and with `apply` the deed.
import { hotSince, keepAlso, computeKeptRuns, type KeepReason } from "../../policy/expired-runs.ts";
import { openCustody } from "../../custody/open-custody.ts";
import { openWithCapability, type Place } from "../../places/open-with-capability.ts";
import type { OpenPlace } from "../../places/detect-source.ts";
import { withoutProblems, type Deps } from "../../records/deps.ts";
import { refusal, usageError } from "../../records/error.ts";
import type { Action } from "../../records/result-kinds.ts";
import type { AnyRecord } from "../../records/record.ts";
import type { LocalSession } from "../../sources/custody.ts";
import type { Home } from "../../sources/source.ts";
import type { ExpiredRun, RunSettings, RunUpkeep } from "../../sources/upkeep.ts";
import { Gates, type GateProof, type GateResult } from "../gates/gates.ts";
import { asSkipped, createPlannedAction, type RemovalPlan } from "../removal-types.ts";
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
  const { home, source } = opened;
  const runs = (await source.upkeep!()).runs!;
  const settings = runs.settings(home, deps);
  const hotDays = options.hotDays ?? daysOf(home, settings);
  const planning = planRuns(opened, runs, { ...options, hotDays, archive: archiveOf(home, settings) }, deps);
  const { apply, lockTimeoutMs } = options;
  yield* runRemovals({ tool: "agh-vacuum runs", opened, planning, apply, lockTimeoutMs }, deps);
}

/** Where runs must be archived before they go; undefined where nothing asks for it. */
function archiveOf({ place }: Home, { archive, prefix }: RunSettings): string | undefined {
  if (!archive) return undefined;
  if (archive.destination) return archive.destination;
  throw refusal(
    "E_ARCHIVE_FIRST",
    `${place}: ${prefix}_ARCHIVE_ENABLED requires an archive before runs are removed, and ${prefix}_ARCHIVE_DESTINATION is not set`,
    `agh-archive put --all --home ${place} --to DIR, then ${prefix}_ARCHIVE_DESTINATION=DIR agh-vacuum runs`,
  );
}

function daysOf({ place }: Home, { hotDays, prefix }: RunSettings): number {
  if (hotDays === undefined)
    throw usageError(`no retention is set for the runs of ${place}`, "agh-vacuum runs --hot-days 7");
  if (hotDays < 0) throw usageError(`${prefix}_HOT_DAYS is ${hotDays}: that would remove everything`, "--hot-days 7");
  return hotDays;
}

type RetentionOptions = Omit<VacuumRuns, "hotDays"> & {
  readonly hotDays: number;
  readonly archive: string | undefined;
};

async function* planRuns(opened: OpenPlace, upkeep: RunUpkeep, options: RetentionOptions, deps: Deps): RemovalPlan {
  const { home } = opened;
  const now = deps.now();
  const cutoff = hotSince(now, options.hotDays);
  const { staleRunning, archive } = options;
  const retention = {
    cutoff,
    now: now.getTime(),
    staleBefore: staleRunning === undefined ? undefined : now.getTime() - staleRunning,
  };
  let stay = new Map<string, KeepReason>();
  const { runs, expired } = upkeep.read(home, deps, (all) => (stay = computeKeptRuns(all, retention)));
  const archived = archive === undefined ? undefined : await proveArchived(opened, expired, archive, deps);
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

/** Whether the archive holds the very rows that would go. */
async function proveArchived(
  opened: OpenPlace,
  expired: readonly ExpiredRun[],
  archive: string,
  deps: Deps,
): Promise<ReadonlyMap<string, GateResult>> {
  const { home, source } = opened;
  const { custody } = await openCustody(opened, deps);
  const ids = new Set(expired.map(({ id }) => id));
  const locals = new Map<string, LocalSession>();
  for await (const session of source.sessions(home, {}, withoutProblems(deps))) {
    const local = ids.has(session.id) ? custody.inspect(session) : undefined;
    if (local) locals.set(session.id, local);
  }
  const gates = new Gates({ custody, source, deps, archive, repo: undefined });
  const answers = new Map<string, GateResult>();
  for (const { id } of expired) {
    deps.signal.throwIfAborted();
    const local = locals.get(id);
    answers.set(id, local ? await gates.check(["archived"], local) : { refused: "it does not exist any more" });
  }
  return answers;
}

function actionFor(home: Home, run: ExpiredRun, proof: GateProof | undefined, options: RetentionOptions): Action {
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

function sums(expired: readonly ExpiredRun[]): { readonly runs: number; readonly rows: { [table: string]: number } } {
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
