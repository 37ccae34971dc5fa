// Whether each home has a snapshot that can be relied on and is young enough, and how old its last proof is.
import type { DrillResult } from "../formats/repository/drill-result.ts";
import { isComplete, type Manifest } from "../formats/repository/manifest.ts";
import { openRepository, type Repository } from "../formats/repository/repository.ts";
import { SnapshotStates } from "../formats/repository/snapshot-state.ts";
import { ulid } from "../formats/ulid.ts";
import type { Deps } from "../records/deps.ts";
import { asPartial, EXIT, type ToolError } from "../records/error.ts";
import type { VerdictRecord } from "../records/result-kinds.ts";
import type { AnyRecord } from "../records/record.ts";
import { Tally } from "../records/summary.ts";
import { lookAtRepository, type RepositoryLook } from "./monitor/look-at-repository.ts";

export interface BackupStatus {
  readonly repo: string;
  /** Only this home; it is reported even when it has no snapshot. */
  readonly homeId?: string | undefined;
  /** Milliseconds; older is stale. */
  readonly maxAge?: number | undefined;
  readonly maxDrillAge?: number | undefined;
}

/** What a repository knows of one home. */
interface HomeStatus {
  readonly newest: Manifest;
  snapshots: number;
  /** The newest that is good or unproven, and complete. */
  lastGood?: Manifest;
  /** The newest that is good. */
  lastProven?: { readonly id: string; readonly at: string };
  lastDrill?: DrillResult;
  lastGoodDrill?: DrillResult;
}

/**
 * Yields a `finding` for each fault of the repository, a `verdict` for each home, `fresh` or `stale` (exit 1), and a
 * `summary`. No home at all is stale as well.
 */
export async function* backupStatus(options: BackupStatus, deps: Deps): AsyncGenerator<AnyRecord> {
  const repo = await openRepository(options.repo, { env: deps.env });
  const tally = new Tally("agh-backup status", deps, ulid(deps.now()));
  const problem = (error: ToolError): void => deps.log.problem(asPartial(error));
  const look = await lookAtRepository(repo, deps);
  look.problems.forEach(problem);
  for (const fault of look.faults) {
    tally.failed(EXIT.found);
    yield fault;
  }
  const states = await SnapshotStates.read(repo, problem, deps.now());
  for (const verdict of verdicts(repo, { look, states }, options, deps.now().getTime())) {
    if (verdict.verdict === "stale") tally.failed(EXIT.found);
    else tally.done();
    yield verdict;
  }
  yield tally.summary();
}

interface Seen {
  readonly look: RepositoryLook;
  readonly states: SnapshotStates;
}

function* verdicts(repo: Repository, seen: Seen, options: BackupStatus, now: number): Generator<VerdictRecord> {
  const { homeId } = options;
  const homes = homesOf(seen, homeId, now);
  const known = homeId === undefined ? seen.look.knownHomes : new Set([homeId]);
  const without = known.difference(homes);
  for (const id of [...homes.keys(), ...without].sort()) {
    const home = homes.get(id);
    yield home ? verdictOf(id, home, seen, options, now) : emptyVerdict(repo, id, seen);
  }
  if (homes.size + without.size === 0) yield emptyVerdict(repo, repo.file.id, seen);
}

function homesOf({ look, states }: Seen, homeId: string | undefined, now: number): Map<string, HomeStatus> {
  const homes = new Map<string, HomeStatus>();
  const isFuture = ({ started_at }: Manifest): boolean => Date.parse(started_at) > now;
  // What a clock that ran ahead has stamped comes last: the nights since then are what counts.
  const newestFirst = look.manifests.toSorted((a, b) => Number(isFuture(a)) - Number(isFuture(b)));
  for (const manifest of newestFirst) {
    if (homeId !== undefined && manifest.home_id !== homeId) continue;
    let home = homes.get(manifest.home_id);
    if (!home) homes.set(manifest.home_id, (home = { newest: manifest, snapshots: 0 }));
    home.snapshots++;
    const { state, provenAt: at } = states.of(manifest);
    if (states.isTrusted(manifest) && isComplete(manifest)) home.lastGood ??= manifest;
    if (state === "good" && at !== undefined) home.lastProven ??= { id: manifest.id, at };
  }
  for (const drill of states.drills) {
    const home = homes.get(drill.home_id ?? "");
    if (!home || drill.by !== undefined) continue;
    home.lastDrill ??= drill;
    if (drill.verdict === "passed") home.lastGoodDrill ??= drill;
  }
  return homes;
}

const emptyVerdict = (repo: Repository, id: string, seen: Seen): VerdictRecord => ({
  kind: "verdict",
  id,
  verdict: "stale",
  evidence: {
    repo: repo.url,
    looked_at: seen.look.lookedAt,
    reasons: ["no snapshot", ...repositoryReasons(seen)],
  },
});

/** What is wrong with the repository, whatever home is asked for. */
function repositoryReasons({ look, states }: Seen): string[] {
  const unreadable = look.problems.filter(({ code }) => code !== "E_IDENTITY_NEEDED").length;
  return [
    ...(look.faults.length > 0 ? [`${count(look.faults.length, "fault")} in the repository`] : []),
    ...(unreadable > 0 ? [`${count(unreadable, "snapshot")} cannot be read`] : []),
    ...(states.damaged > 0 ? [`${count(states.damaged, "result")} of drills, or acceptances, cannot be read`] : []),
  ];
}

function verdictOf(
  id: string,
  home: HomeStatus,
  seen: Seen,
  { maxAge, maxDrillAge }: BackupStatus,
  now: number,
): VerdictRecord {
  const { look, states } = seen;
  const { newest, lastGood, lastProven, lastDrill, lastGoodDrill, snapshots } = home;
  // A snapshot is as old as its beginning; nothing that came later is in it.
  const age = ageOf(lastGood?.started_at, now);
  const drillAge = ageOf(lastGoodDrill?.started_at, now);
  const { state, reasons: stateReasons } = states.of(newest);
  const reasons = [
    ...(states.isTrusted(newest) ? [] : [`the newest snapshot is ${state}: ${stateReasons.join("; ")}`]),
    ...(isComplete(newest) ? [] : ["the newest snapshot is not complete"]),
    ...ageReasons("snapshot", age, maxAge),
    ...(maxDrillAge === undefined ? [] : ageReasons("drill", drillAge, maxDrillAge)),
    ...repositoryReasons(seen),
  ];
  return {
    kind: "verdict",
    runtime: newest.runtime,
    home: newest.home_path,
    id,
    verdict: reasons.length > 0 ? "stale" : "fresh",
    evidence: {
      hostname: newest.hostname,
      snapshots,
      last_snapshot: lastGood?.id ?? null,
      last_snapshot_at: lastGood?.started_at ?? null,
      age_ms: age,
      newest_snapshot: newest.id,
      state,
      state_reasons: stateReasons,
      complete: isComplete(newest),
      last_proof: lastProven?.id ?? null,
      last_proof_at: lastProven?.at ?? null,
      last_proof_age_ms: ageOf(lastProven?.at, now),
      last_drill_at: lastDrill?.started_at ?? null,
      last_drill_verdict: lastDrill?.verdict ?? null,
      last_good_drill_at: lastGoodDrill?.started_at ?? null,
      drill_age_ms: drillAge,
      looked_at: look.lookedAt,
      reasons,
    },
  };
}

const count = (number: number, what: string): string => `${number} ${what}${number === 1 ? "" : "s"}`;

const ageOf = (time: string | undefined, now: number): number | null =>
  time === undefined ? null : now - Date.parse(time);

/** A stamp from the future proves nothing about today. */
function ageReasons(what: string, age: number | null, most: number | undefined): string[] {
  if (age === null) return [`no good ${what}`];
  if (most === undefined) return [];
  if (age < 0) return [`the last good ${what} is from the future`];
  return age > most ? [`the last good ${what} is ${hours(age)} old`] : [];
}

const hours = (ms: number): string => `${Math.floor(ms / 3_600_000)} h`;
