// How old the last good snapshot and the last good drill of each home are, and whether that is too old.
import { listDrills, type DrillResult } from "../formats/repository/drill-result.ts";
import type { Manifest } from "../formats/repository/manifest.ts";
import { openRepository, type Repository } from "../formats/repository/repository.ts";
import { listManifests } from "../formats/repository/snapshots.ts";
import { ulid } from "../formats/ulid.ts";
import type { Deps } from "../records/deps.ts";
import { asPartial, EXIT, type ToolError } from "../records/error.ts";
import type { VerdictRecord } from "../records/result-kinds.ts";
import type { AnyRecord } from "../records/record.ts";
import { Tally } from "../records/summary.ts";

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
  lastGood?: Manifest;
  lastDrill?: DrillResult;
  lastGoodDrill?: DrillResult;
}

/** Yields a `verdict` for each home, `fresh` or `stale` (exit 1), and a `summary`. No home at all is stale as well. */
export async function* backupStatus(options: BackupStatus, deps: Deps): AsyncGenerator<AnyRecord> {
  const repo = await openRepository(options.repo, { env: deps.env });
  const tally = new Tally("agh-backup status", deps, ulid(deps.now()));
  const homes = await readHomes(repo, options.homeId, deps);
  for (const [id, home] of [...homes].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const verdict = verdictOf(id, home, options, deps.now().getTime());
    if (verdict.verdict === "stale") tally.failed(EXIT.found);
    else tally.done();
    yield verdict;
  }
  if (homes.size === 0) {
    tally.failed(EXIT.found);
    const reasons = ["no snapshot"];
    yield {
      kind: "verdict",
      id: options.homeId ?? repo.file.id,
      verdict: "stale",
      evidence: { repo: repo.url, reasons },
    };
  }
  yield tally.summary();
}

async function readHomes(
  repo: Repository,
  homeId: string | undefined,
  { log }: Deps,
): Promise<Map<string, HomeStatus>> {
  const problem = (error: ToolError): void => log.problem(asPartial(error));
  const drills: DrillResult[] = [];
  for await (const drill of listDrills(repo, problem)) drills.push(drill);
  const failed = failedSnapshots(drills);
  const homes = new Map<string, HomeStatus>();
  for await (const manifest of listManifests(repo, { homeId }, problem)) {
    let home = homes.get(manifest.home_id);
    if (!home) homes.set(manifest.home_id, (home = { newest: manifest, snapshots: 0 }));
    home.snapshots++;
    if (!failed.has(manifest.id)) home.lastGood ??= manifest;
  }
  for (const drill of drills) {
    const home = homes.get(drill.home_id ?? "");
    if (!home) continue;
    home.lastDrill ??= drill;
    if (drill.verdict === "passed") home.lastGoodDrill ??= drill;
  }
  return homes;
}

/** Snapshots whose last drill failed; `drills` newest first. */
export function failedSnapshots(drills: Iterable<DrillResult>): ReadonlySet<string> {
  const last = new Map<string, DrillResult["verdict"]>();
  for (const { snapshot, verdict } of drills) if (!last.has(snapshot)) last.set(snapshot, verdict);
  return new Set([...last].filter(([, verdict]) => verdict === "failed").map(([id]) => id));
}

function verdictOf(id: string, home: HomeStatus, { maxAge, maxDrillAge }: BackupStatus, now: number): VerdictRecord {
  const { newest, lastGood, lastDrill, lastGoodDrill, snapshots } = home;
  // A snapshot is as old as its beginning; nothing that came later is in it.
  const age = ageOf(lastGood?.started_at, now);
  const drillAge = ageOf(lastGoodDrill?.started_at, now);
  const reasons = [
    ...ageReasons("snapshot", age, maxAge),
    ...(maxDrillAge === undefined ? [] : ageReasons("drill", drillAge, maxDrillAge)),
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
      last_drill_at: lastDrill?.started_at ?? null,
      last_drill_verdict: lastDrill?.verdict ?? null,
      last_good_drill_at: lastGoodDrill?.started_at ?? null,
      drill_age_ms: drillAge,
      reasons,
    },
  };
}

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
