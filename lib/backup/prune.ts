// Thins out the snapshots of a repository by a policy, home by home, and gives back the room that they took.
import { drillsOf, type DrillResult } from "../formats/drill-result.ts";
import type { Manifest } from "../formats/manifest.ts";
import { openRepository, type Repository } from "../formats/repository.ts";
import { newestFirst } from "../formats/snapshots.ts";
import { ulid } from "../formats/ulid.ts";
import { retain, type Policy } from "../policy/retention.ts";
import type { Deps } from "../records/deps.ts";
import { EXIT, ToolError } from "../records/error.ts";
import type { Action } from "../records/judgements.ts";
import type { AnyRecord } from "../records/record.ts";
import { Tally } from "../records/summary.ts";
import { survey } from "./pack-use.ts";
import { performPrune } from "./prune-apply.ts";
import { lockPrune } from "./prune-lock.ts";
import { dropAction, keptVerdict, packActions, type Judged } from "./prune-plan.ts";
import { failedSnapshots } from "./status.ts";

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
  retain([], options.policy, { now: deps.now() }); // refuses an empty policy before anything is read
  const repo = await openRepository(options.repo, { env: deps.env });
  repo.requireIdentity();
  if (!options.apply) return yield* planned(repo, options, deps);
  await using lock = await lockPrune(repo, options.lockTimeoutMs, deps);
  const { judged, drops } = await judgeAll(repo, options, deps);
  const tally = new Tally("agh-backup prune", deps, ulid(deps.now()));
  for (const each of judged) if (each.keep) yield keptVerdict(each);
  yield* performPrune(repo, drops, { lock, tally, graceMs: options.graceMs, packsToo: true, deps });
  yield tally.summary();
}

async function* planned(repo: Repository, options: PruneRepository, deps: Deps): AsyncGenerator<AnyRecord> {
  const tally = new Tally("agh-backup prune", deps, ulid(deps.now()));
  const { judged, drops, manifests } = await judgeAll(repo, options, deps);
  for (const each of judged) if (each.keep) yield keptVerdict(each);
  const gone = new Set(drops.map(({ id }) => id));
  const go = manifests.filter(({ id }) => gone.has(id));
  const stay = manifests.filter(({ id }) => !gone.has(id));
  const found = await survey(repo, { stay, go }, deps);
  for (const action of [...drops, ...packActions(repo, found, { now: deps.now(), graceMs: options.graceMs })]) {
    tally.done(action.bytes ?? 0);
    yield action;
  }
  yield tally.summary({ status: "planned" });
}

interface JudgedAll {
  readonly judged: readonly Judged[];
  readonly drops: readonly Action[];
  readonly manifests: readonly Manifest[];
}

async function judgeAll(repo: Repository, options: PruneRepository, deps: Deps): Promise<JudgedAll> {
  const manifests: Manifest[] = [];
  for await (const manifest of newestFirst(repo)) manifests.push(manifest);
  const judged = await judge(repo, manifests, options, deps);
  return { judged, manifests, drops: judged.filter(({ keep }) => !keep).map((each) => dropAction(repo, each)) };
}

/** The snapshots in question, oldest first. */
async function judge(
  repo: Repository,
  manifests: readonly Manifest[],
  { policy, home, zone }: PruneRepository,
  deps: Deps,
): Promise<Judged[]> {
  const problem = ({ code, message, hint }: ToolError): void =>
    deps.log.problem(new ToolError({ code, message, hint, exit: EXIT.partial }));
  const drills: DrillResult[] = [];
  for await (const drill of drillsOf(repo, problem)) drills.push(drill);
  const failed = failedSnapshots(drills);
  const asked = manifests.filter(
    ({ home_id, home_path }) => home === undefined || home === home_id || home === home_path,
  );
  const stamped = asked.map((manifest) => ({
    manifest,
    id: manifest.id,
    time: manifest.started_at,
    homeId: manifest.home_id,
    tags: manifest.tags,
    parent: manifest.parent,
    good: !failed.has(manifest.id),
  }));
  return retain(stamped, policy, { now: deps.now(), zone })
    .map(({ snapshot, keep, reasons }) => ({ snapshot: snapshot.manifest, keep, reasons }))
    .reverse();
}
