// Thins out the snapshots of a repository by a policy, home by home, and gives back the room that they took.
import type { Manifest } from "../../formats/repository/manifest.ts";
import { openForWriting } from "../../formats/repository/authorship/open-for-writing.ts";
import type { Repository } from "../../formats/repository/repository.ts";
import { SnapshotStates } from "../../formats/repository/snapshot-state.ts";
import { listManifests } from "../../formats/repository/snapshots.ts";
import { upgradeHint } from "../../formats/repository/upgrade-hint.ts";
import { ulid } from "../../formats/ulid.ts";
import { computeRetention, type Policy } from "../../policy/retention.ts";
import type { Deps } from "../../records/deps.ts";
import { asPartial } from "../../records/error.ts";
import type { Action } from "../../records/result-kinds.ts";
import type { AnyRecord } from "../../records/record.ts";
import { Tally } from "../../records/summary.ts";
import { computePackUsage } from "./pack-usage.ts";
import { performPrune } from "./perform-prune.ts";
import { lockPrune } from "../prune-lock.ts";
import { dropAction, keptVerdict, packActions, retainedOf, type RetentionDecision } from "./prune-plan.ts";

export interface PruneRepository {
  readonly repo: string;
  readonly policy: Policy;
  /** Only snapshots of this home: its id, or its path. */
  readonly home?: string | undefined;
  /** IANA name of the zone whose days count. */
  readonly zone?: string | undefined;
  readonly graceMs: number;
  readonly apply: boolean;
  readonly lockTimeoutMs: number;
}

/**
 * Yields a `verdict` for each snapshot that stays, an `action` for all that is planned or, with `apply`, done, and a
 * `summary`; its bytes are those that the repository loses, now or after the grace time.
 */
export async function* pruneRepository(options: PruneRepository, deps: Deps): AsyncGenerator<AnyRecord> {
  computeRetention([], options.policy, { now: deps.now() }); // refuses an empty policy before anything is read
  const { repo: url, apply } = options;
  const repo = await openForWriting(url, { env: deps.env, signs: apply, pins: apply });
  repo.requireIdentity();
  const hint = upgradeHint(repo);
  if (hint) deps.log.info(hint);
  if (!options.apply) return yield* planPrune(repo, options, deps);
  await using lock = await lockPrune(repo, options.lockTimeoutMs, deps);
  await repo.finishRemovals();
  const { decisions, drops } = await planDrops(repo, options, deps);
  const tally = new Tally("agh-backup prune", deps, ulid(deps.now()));
  for (const each of decisions) if (each.keep) yield keptVerdict(each);
  yield* performPrune(repo, drops, { lock, tally, graceMs: options.graceMs, includePacks: true, deps });
  yield tally.summary({ ...(hint !== undefined && { hint }) });
}

async function* planPrune(repo: Repository, options: PruneRepository, deps: Deps): AsyncGenerator<AnyRecord> {
  const tally = new Tally("agh-backup prune", deps, ulid(deps.now()));
  const { decisions, drops, manifests } = await planDrops(repo, options, deps);
  for (const each of decisions) if (each.keep) yield keptVerdict(each);
  const droppedIds = new Set(drops.map(({ id }) => id));
  const dropped = manifests.filter(({ id }) => droppedIds.has(id));
  const kept = manifests.filter(({ id }) => !droppedIds.has(id));
  const usage = await computePackUsage(repo, { kept, dropped }, deps);
  for (const action of [...drops, ...packActions(repo, usage, { now: deps.now(), graceMs: options.graceMs })]) {
    tally.done(action.bytes ?? 0);
    yield action;
  }
  yield tally.summary({ status: "planned" });
}

interface PrunePlan {
  readonly decisions: readonly RetentionDecision[];
  readonly drops: readonly Action[];
  readonly manifests: readonly Manifest[];
}

async function planDrops(repo: Repository, options: PruneRepository, deps: Deps): Promise<PrunePlan> {
  const manifests: Manifest[] = [];
  for await (const manifest of listManifests(repo)) manifests.push(manifest);
  const decisions = await decideRetention(repo, manifests, options, deps);
  return { decisions, manifests, drops: decisions.filter(({ keep }) => !keep).map((each) => dropAction(repo, each)) };
}

/** The snapshots in question, oldest first. */
async function decideRetention(
  repo: Repository,
  manifests: readonly Manifest[],
  { policy, home, zone }: PruneRepository,
  deps: Deps,
): Promise<RetentionDecision[]> {
  const states = await SnapshotStates.read(repo, (error) => deps.log.problem(asPartial(error)), deps.now());
  const selected = manifests.filter(
    ({ home_id, home_path }) => home === undefined || home === home_id || home === home_path,
  );
  const retained = selected.map((manifest) => retainedOf(manifest, states));
  return computeRetention(retained, policy, { now: deps.now(), zone })
    .map(({ snapshot: { manifest, state }, keep, reasons }) => ({ snapshot: manifest, state, keep, reasons }))
    .map((decision) => (states.damaged > 0 ? withheld(decision) : decision))
    .reverse();
}

/** A result that cannot be read may have said that a snapshot is bad, which now seems to be worth what an older one is. */
const withheld = (decision: RetentionDecision): RetentionDecision =>
  decision.keep
    ? decision
    : { ...decision, keep: true, reasons: ["a result of a drill, or an acceptance, cannot be read"] };
