// What replaces what: the first thing that a restore says.
import { isComplete, type Manifest } from "../../formats/repository/manifest.ts";
import type { Repository } from "../../formats/repository/repository.ts";
import { SnapshotStates, type SnapshotAssessment } from "../../formats/repository/snapshot-state.ts";
import { describeHome, formatAge, listManifests } from "../../formats/repository/snapshots.ts";
import type { Deps } from "../../records/deps.ts";
import { asPartial } from "../../records/error.ts";
import type { Action, Finding } from "../../records/result-kinds.ts";
import type { RestoreContext } from "./restore-context.ts";

/** What a snapshot is worth, and where it is not good enough the newest that is. */
export interface AssessedSnapshot extends SnapshotAssessment {
  readonly better?: Manifest;
}

/** The snapshot that was named is restored whatever it is worth. */
export async function assessSnapshot(repo: Repository, manifest: Manifest, deps: Deps): Promise<AssessedSnapshot> {
  const problem = (error: Parameters<typeof asPartial>[0]): void => deps.log.problem(asPartial(error));
  const states = await SnapshotStates.read(repo, problem);
  const assessment = states.of(manifest);
  if (states.isTrusted(manifest)) return assessment;
  let better: Manifest | undefined;
  for await (const other of listManifests(repo, { homeId: manifest.home_id }, () => undefined)) {
    if (!states.isTrusted(other)) continue;
    better ??= other;
    if (states.of(other).state === "good") return { ...assessment, better: other };
  }
  return { ...assessment, ...(better && { better }) };
}

/** One line for people. */
export function describeSnapshot(manifest: Manifest, { state }: SnapshotAssessment, now: Date): string {
  const { id, started_at } = manifest;
  const coverage = isComplete(manifest) ? "" : ", not complete";
  return `snapshot ${id} of home ${describeHome(manifest)}, ${formatAge(started_at, now.getTime())}, ${state}${coverage}`;
}

/**
 * The action that stands for all that follow, and a finding where the snapshot is not to be relied on; stderr gets the same. `loses`: what
 * the home has that is newer.
 */
export async function* planHead(
  { options, manifest, place: { home }, repo, deps }: RestoreContext,
  loses: string | null,
): AsyncGenerator<Action | Finding> {
  const assessed = await assessSnapshot(repo, manifest, deps);
  const { runtime, place } = home;
  const { id, home_id, home_path, hostname, started_at } = manifest;
  const now = deps.now();
  const what = options.session ?? (options.only.length > 0 ? options.only.join(", ") : "the whole home");
  const reason = `${describeSnapshot(manifest, assessed, now)}, replaces ${what} in ${place} (home ${home.id})`;
  deps.log.info(reason);
  yield* stateFindings(repo, manifest, assessed);
  yield {
    kind: "action",
    runtime,
    home: place,
    id: place,
    verb: "restore-snapshot",
    subject: {
      snapshot: id,
      home_id,
      home_path,
      hostname,
      started_at,
      age_ms: now.getTime() - Date.parse(started_at),
      snapshot_state: assessed.state,
      complete: isComplete(manifest),
      into: home.root,
      into_home_id: home.id,
      what: options.session === undefined ? options.only : [options.session],
    },
    state: options.apply ? "done" : "planned",
    reason,
    loses,
  };
}

/** Where something was found lost in a snapshot, or a drill of it failed. */
export function* stateFindings(
  { url }: Repository,
  { id, runtime, home_path }: Manifest,
  { state, reasons, better }: AssessedSnapshot,
): Generator<Finding> {
  if (state !== "suspect" && state !== "bad") return;
  const hint = better
    ? `the newest snapshot of this home that can be relied on is ${better.id}, ${better.started_at}`
    : `agh-backup list --repo ${url}: no snapshot of this home can be relied on`;
  yield {
    kind: "finding",
    runtime,
    home: home_path,
    id,
    code: state === "bad" ? "SNAPSHOT_BAD" : "SNAPSHOT_SUSPECT",
    severity: "warn",
    message: `snapshot ${id} is ${state}: ${reasons.join("; ")}; ${hint}`,
    evidence: { reasons, better: better?.id ?? null },
  };
}
