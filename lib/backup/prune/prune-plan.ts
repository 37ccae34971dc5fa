// What a prune would do: snapshots that no rule keeps go, packs that nobody needs are marked, later deleted, or repacked.
import { isComplete, type Manifest } from "../../formats/repository/manifest.ts";
import type { Repository } from "../../formats/repository/repository.ts";
import type { SnapshotState, SnapshotStates } from "../../formats/repository/snapshot-state.ts";
import type { Retained } from "../../policy/retention.ts";
import type { Action, VerdictRecord } from "../../records/result-kinds.ts";
import type { PackUsage, RepositoryUsage } from "./pack-usage.ts";

export const PRUNE_VERBS = ["drop-snapshot", "repack", "mark-pack", "delete-pack", "merge-indexes"] as const;
export type PruneVerb = (typeof PRUNE_VERBS)[number];

/** A pack with more dead bytes than this is written anew. */
const MAX_DEAD_SHARE = 0.3;
/** More index files than this are made one. */
const MAX_INDEXES = 32;

export interface RetentionDecision {
  readonly snapshot: Manifest;
  readonly state: SnapshotState;
  readonly keep: boolean;
  readonly reasons: readonly string[];
}

export interface RetainedManifest extends Retained {
  readonly manifest: Manifest;
  readonly state: SnapshotState;
}

/** A snapshot as the policy sees it. */
export const retainedOf = (manifest: Manifest, states: SnapshotStates): RetainedManifest => ({
  manifest,
  id: manifest.id,
  time: manifest.started_at,
  homeId: manifest.home_id,
  tags: manifest.tags,
  parent: manifest.parent,
  state: states.of(manifest).state,
  complete: isComplete(manifest),
});

/** Every action names its repository, so that a plan is good for no other one. */
function actionOf(repo: Repository, verb: PruneVerb, id: string, more: Partial<Action>): Action {
  return {
    kind: "action",
    home: repo.url,
    id,
    verb,
    subject: { repository: repo.file.id },
    state: "planned",
    ...more,
  };
}

export const keptVerdict = ({ snapshot, state, reasons }: RetentionDecision): VerdictRecord => ({
  kind: "verdict",
  runtime: snapshot.runtime,
  home: snapshot.home_path,
  id: snapshot.id,
  verdict: "keep",
  evidence: { home_id: snapshot.home_id, started_at: snapshot.started_at, state, reasons },
});

export function dropAction(repo: Repository, { snapshot, state, reasons }: RetentionDecision): Action {
  const { id, runtime, home_id, home_path, started_at, digest } = snapshot;
  const subject = { repository: repo.file.id, home_id, home_path, started_at, state };
  const loses = `the state of ${home_path} at ${started_at}`;
  return actionOf(repo, "drop-snapshot", id, {
    runtime,
    subject,
    expect: { digest },
    reason: reasons.join(", "),
    loses,
  });
}

/** In the order in which they are done; drops come before. `now` and `graceMs` say which marks have run out. */
export function* packActions(
  repo: Repository,
  { packs, indexes }: RepositoryUsage,
  { now, graceMs }: { readonly now: Date; readonly graceMs: number },
): Generator<Action> {
  const by = (verb: PruneVerb): Action[] =>
    [...packs].flatMap(([pack, use]) => {
      const due = findDueAction(use, now, graceMs);
      return due?.verb === verb ? [actionOf(repo, verb, pack, due.more)] : [];
    });
  yield* by("repack");
  yield* by("mark-pack");
  yield* by("delete-pack");
  if (indexes.size > MAX_INDEXES) {
    yield actionOf(repo, "merge-indexes", "indexes", { reason: `${indexes.size} index files` });
  }
}

interface DueAction {
  readonly verb: PruneVerb;
  readonly more: Partial<Action>;
}

/** What is to be done with a pack; undefined for one that stays as it is. */
export function findDueAction(use: PackUsage, now: Date, graceMs: number): DueAction | undefined {
  const { size, frames, needed, neededByDropped, marked } = use;
  const expect = { size, ...(marked !== undefined && { marked_at: marked }) };
  if (needed > 0) {
    const dead = frames - needed;
    if (marked !== undefined || dead <= frames * MAX_DEAD_SHARE) return undefined;
    const reason = `${Math.round((100 * dead) / frames)} % of its bytes are unused`;
    return { verb: "repack", more: { expect, bytes: dead, reason } };
  }
  if (marked === undefined || neededByDropped) {
    return { verb: "mark-pack", more: { expect, bytes: size, reason: "no remaining snapshot needs it" } };
  }
  const age = now.getTime() - Date.parse(marked);
  if (!(age >= graceMs)) return undefined;
  return { verb: "delete-pack", more: { expect, bytes: size, reason: `no snapshot has needed it since ${marked}` } };
}
