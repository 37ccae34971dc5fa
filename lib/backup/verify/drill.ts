// A restore drill: a snapshot restored into a scratch directory and tested; every outcome is kept in the repository.
import type { DrillResult } from "../../formats/repository/drill-result.ts";
import type { Manifest } from "../../formats/repository/manifest.ts";
import { openRepository, type Repository } from "../../formats/repository/repository.ts";
import { resolveSnapshot, snapshotIds, type SnapshotFilter } from "../../formats/repository/snapshots.ts";
import { ulid } from "../../formats/ulid.ts";
import type { Deps } from "../../records/deps.ts";
import { EXIT, ToolError } from "../../records/error.ts";
import type { Finding, VerdictRecord } from "../../records/result-kinds.ts";
import type { AnyRecord } from "../../records/record.ts";
import { Tally } from "../../records/summary.ts";
import { DrillOutcome } from "./drill-outcome.ts";
import { drillFindings } from "./drill-snapshot.ts";
import { noSnapshot } from "./no-snapshot.ts";

export interface DrillSnapshot extends SnapshotFilter {
  readonly repo: string;
  readonly id: string;
  /** This toolkit's version. */
  readonly toolkit: string;
  /** Test and report, and store no result. */
  readonly dryRun?: boolean;
}

/** Yields a `finding` for each fault (exit 1 when one is an error), the `verdict`, and a `summary`. */
export async function* drillSnapshot(options: DrillSnapshot, deps: Deps): AsyncGenerator<AnyRecord> {
  const repo = await openRepository(options.repo, { env: deps.env });
  const tally = new Tally("agh-backup drill", deps, ulid(deps.now()));
  const selected = await selectSnapshot(repo, options);
  if (!selected) {
    tally.failed(EXIT.found);
    yield noSnapshot(repo.url);
    return yield tally.summary();
  }
  const { id: snapshot, manifest } = selected;
  const { toolkit, dryRun } = options;
  const outcome = new DrillOutcome(repo, { id: tally.run, snapshot, toolkit, homeId: manifest?.home_id }, deps);
  try {
    for await (const finding of findings(repo, selected, outcome, deps)) {
      outcome.add(finding);
      yield finding;
    }
    outcome.end();
  } catch (error) {
    outcome.interrupt(error);
    throw error;
  } finally {
    if (!dryRun) await outcome.store();
  }
  if (outcome.errors > 0) tally.failed(EXIT.found, outcome.errors);
  tally.done(manifest?.totals.bytes, manifest?.totals.files ?? 0);
  yield verdictOf(repo, selected, outcome.result());
  yield tally.summary();
}

interface SelectedSnapshot {
  readonly id: string;
  readonly manifest?: Manifest;
  /** Why its manifest cannot be read. */
  readonly error?: ToolError;
}

/** Undefined for an empty repository. A manifest that cannot be read is the drill's to say, where it is known which one is meant. */
async function selectSnapshot(repo: Repository, options: DrillSnapshot): Promise<SelectedSnapshot | undefined> {
  const ids = await snapshotIds(repo);
  if (ids.length === 0) return undefined;
  try {
    const manifest = await resolveSnapshot(repo, options.id, options);
    return { id: manifest.id, manifest };
  } catch (error) {
    const isLatest = options.id === "latest" && options.homeId === undefined && options.at === undefined;
    const id = isLatest ? ids.at(-1) : ids.find((each) => each === options.id.toUpperCase());
    if (id === undefined || !(error instanceof ToolError) || !UNREADABLE.has(error.code)) throw error;
    return { id, error };
  }
}

const UNREADABLE: ReadonlySet<string> = new Set(["E_MANIFEST_DAMAGED", "E_IDENTITY_NEEDED"]);

async function* findings(
  repo: Repository,
  { id, manifest, error }: SelectedSnapshot,
  { counts }: DrillOutcome,
  deps: Deps,
): AsyncGenerator<Finding> {
  if (manifest) return yield* drillFindings({ repo, manifest, counts }, deps);
  if (error!.code !== "E_MANIFEST_DAMAGED") throw error;
  const { message } = error!;
  yield { kind: "finding", id, code: "MANIFEST_DAMAGED", severity: "error", message, evidence: {} };
}

function verdictOf(
  repo: Repository,
  { id, manifest }: SelectedSnapshot,
  { id: drill, verdict, counts, findings: kept, home_id }: DrillResult,
): VerdictRecord {
  const bySeverity = Object.groupBy(kept, ({ severity }) => severity);
  const found = Object.fromEntries(Object.entries(bySeverity).map(([name, list]) => [name, list!.length]));
  return {
    kind: "verdict",
    ...(manifest && { runtime: manifest.runtime }),
    home: `backup:${repo.url}@${id}`,
    id,
    verdict,
    evidence: { drill, home_id, taken_at: manifest?.started_at ?? null, ...counts, findings: found },
  };
}
