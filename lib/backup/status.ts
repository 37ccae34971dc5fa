// How old the last good snapshot and the last good drill of each home are, and whether that is too old.
import { drillsOf, type DrillResult } from "../formats/drill-result.ts";
import type { Manifest } from "../formats/manifest.ts";
import { openRepository, type Repository } from "../formats/repository.ts";
import { newestFirst } from "../formats/snapshots.ts";
import { ulid } from "../formats/ulid.ts";
import type { Deps } from "../records/deps.ts";
import { EXIT, ToolError } from "../records/error.ts";
import type { Verdict } from "../records/judgements.ts";
import type { AnyRecord } from "../records/record.ts";
import { Tally } from "../records/summary.ts";

export interface BackupStatus {
  readonly repo: string;
  /** Only this home; it is told of also when there is no snapshot of it. */
  readonly homeId?: string | undefined;
  /** Milliseconds; older is stale. */
  readonly maxAge?: number | undefined;
  readonly maxDrillAge?: number | undefined;
}

/** What a repository knows of one home. */
interface Kept {
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
  const homes = await keptHomes(repo, options.homeId, deps);
  for (const [id, kept] of [...homes].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const verdict = verdictOf(id, kept, options, deps.now().getTime());
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

async function keptHomes(repo: Repository, homeId: string | undefined, { log }: Deps): Promise<Map<string, Kept>> {
  const problem = ({ code, message, hint }: ToolError): void =>
    log.problem(new ToolError({ code, message, hint, exit: EXIT.partial }));
  const drills: DrillResult[] = [];
  for await (const drill of drillsOf(repo, problem)) drills.push(drill);
  const failed = failedSnapshots(drills);
  const homes = new Map<string, Kept>();
  for await (const manifest of newestFirst(repo, { homeId }, problem)) {
    let kept = homes.get(manifest.home_id);
    if (!kept) homes.set(manifest.home_id, (kept = { newest: manifest, snapshots: 0 }));
    kept.snapshots++;
    if (!failed.has(manifest.id)) kept.lastGood ??= manifest;
  }
  for (const drill of drills) {
    const kept = homes.get(drill.home_id ?? "");
    if (!kept) continue;
    kept.lastDrill ??= drill;
    if (drill.verdict === "passed") kept.lastGoodDrill ??= drill;
  }
  return homes;
}

/** Snapshots whose last drill failed; `drills` newest first. */
export function failedSnapshots(drills: Iterable<DrillResult>): ReadonlySet<string> {
  const last = new Map<string, DrillResult["verdict"]>();
  for (const { snapshot, verdict } of drills) if (!last.has(snapshot)) last.set(snapshot, verdict);
  return new Set([...last].filter(([, verdict]) => verdict === "failed").map(([id]) => id));
}

function verdictOf(id: string, kept: Kept, { maxAge, maxDrillAge }: BackupStatus, now: number): Verdict {
  const { newest, lastGood, lastDrill, lastGoodDrill, snapshots } = kept;
  // A snapshot is as old as its beginning; nothing that came later is in it.
  const age = ageOf(lastGood?.started_at, now);
  const drillAge = ageOf(lastGoodDrill?.started_at, now);
  const reasons = [
    ...tooOld("snapshot", age, maxAge),
    ...(maxDrillAge === undefined ? [] : tooOld("drill", drillAge, maxDrillAge)),
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
function tooOld(what: string, age: number | null, most: number | undefined): string[] {
  if (age === null) return [`no good ${what}`];
  if (most === undefined) return [];
  if (age < 0) return [`the last good ${what} is from the future`];
  return age > most ? [`the last good ${what} is ${hours(age)} old`] : [];
}

const hours = (ms: number): string => `${Math.floor(ms / 3_600_000)} h`;
