// Performs what a prune has planned. Each action is checked against the repository as it is now; what no longer applies is skipped.
import type { PackLine } from "../../formats/repository/chunk-index.ts";
import { encodePackLine, INDEX_CHUNKS } from "../../formats/repository/chunk-index.ts";
import { markKey, nameIn, packKey, snapshotKey, SNAPSHOTS } from "../../formats/repository/layout.ts";
import type { Manifest } from "../../formats/repository/manifest.ts";
import { forgetObjects } from "../../formats/repository/known-objects.ts";
import { MARKS_FORMAT, putMarks } from "../../formats/repository/prune-marks.ts";
import { putPruned } from "../../formats/repository/pruned.ts";
import { readIndexFiles } from "../../formats/repository/read-indexes.ts";
import type { Repository } from "../../formats/repository/repository.ts";
import { SnapshotStates } from "../../formats/repository/snapshot-state.ts";
import { listManifests } from "../../formats/repository/snapshots.ts";
import { isUlid, ulid } from "../../formats/ulid.ts";
import { findFloors } from "../../policy/retention.ts";
import type { Deps } from "../../records/deps.ts";
import { asPartial, EXIT, refusal } from "../../records/error.ts";
import type { Action } from "../../records/result-kinds.ts";
import type { Tally } from "../../records/summary.ts";
import { computePackUsage, type RepositoryUsage } from "./pack-usage.ts";
import type { PruneLock } from "../prune-lock.ts";
import { findDueAction, packActions, retainedOf, type PruneVerb } from "./prune-plan.ts";
import { repack } from "./repack.ts";

export interface PruneContext {
  readonly lock: PruneLock;
  readonly tally: Tally;
  readonly graceMs: number;
  /** The actions say only which snapshots go: what follows for the packs is found out when those are gone. */
  readonly includePacks: boolean;
  readonly deps: Deps;
}

/**
 * Content before index before pointer, deletion last: new packs and their index, the marks, the indexes without what
 * goes, and only then the packs.
 */
export async function* performPrune(
  repo: Repository,
  actions: readonly Action[],
  context: PruneContext,
): AsyncGenerator<Action> {
  const { tally } = context;
  const recordAction = (action: Action): Action => {
    if (action.state === "done") tally.done(action.bytes ?? 0);
    else tally.failed(EXIT.partial);
    return action;
  };
  const before = await allManifests(repo);
  const drops = actions.filter(({ verb }) => verb === "drop-snapshot");
  await assertFloorsStay(repo, { before, drops }, context.deps);
  const checked = checkDrops(drops, before);
  const dropped = checked.flatMap(({ manifest }) => manifest ?? []);
  await putPruned(repo, { snapshots: dropped.map(({ id }) => id), packs: [] }, context.deps.now());
  for (const each of checked) yield recordAction(await drop(repo, each, context));
  const kept = await allManifests(repo);
  const usage = await computePackUsage(repo, { kept, dropped: dropped }, context.deps);
  const rest = context.includePacks
    ? [...packActions(repo, usage, { now: context.deps.now(), graceMs: context.graceMs })]
    : actions;
  const withVerb = (verb: PruneVerb): readonly Action[] => rest.filter((action) => action.verb === verb);
  const selected = selectActions(
    [...withVerb("repack"), ...withVerb("mark-pack"), ...withVerb("delete-pack")],
    usage,
    context,
  );
  for (const { action } of selected.skipped) yield recordAction(action);
  const moved = await repack(repo, { packs: selected.ids("repack"), usage }, context.deps);
  await context.lock.assertLocked();
  await writeMarks(repo, usage, {
    marked: new Set([...selected.ids("mark-pack"), ...selected.ids("repack")]),
    context,
  });
  for (const verb of ["repack", "mark-pack"] as const)
    for (const each of selected.actions(verb)) yield recordAction(done(each));
  const isOutdated = await hasNewSnapshot(repo, kept);
  // A create that has published since the survey may rely on what was to go; those that publish from now on see the marks.
  const deleted = new Set(isOutdated ? [] : selected.ids("delete-pack"));
  await putPruned(repo, { snapshots: [], packs: [...deleted] }, context.deps.now());
  const merge = withVerb("merge-indexes");
  if (deleted.size + moved.size + merge.length > 0) {
    await rewriteIndexes(repo, usage, { deleted, moved: new Set(selected.ids("repack")), lock: context.lock });
  }
  for (const each of merge) yield recordAction(done(each));
  for (const each of selected.actions("delete-pack")) {
    if (isOutdated) {
      yield recordAction(skipped(each, "a snapshot was created meanwhile: the next prune checks again"));
      continue;
    }
    await context.lock.assertLocked();
    await repo.target.delete(packKey(each.id!));
    yield recordAction(done(each));
  }
  await removeExpiredMarks(repo, usage, context);
  if (dropped.length + deleted.size > 0) {
    await forgetObjects(repo, { snapshots: dropped.map(({ id }) => id), packs: [...deleted] }, context.deps.log);
  }
}

async function allManifests(repo: Repository): Promise<Manifest[]> {
  const all: Manifest[] = [];
  for await (const manifest of listManifests(repo)) all.push(manifest);
  return all;
}

/** Whether there is a snapshot that the survey did not know. */
async function hasNewSnapshot(repo: Repository, known: readonly Manifest[]): Promise<boolean> {
  const ids = new Set(known.map(({ id }) => snapshotKey(id)));
  for await (const { key } of repo.target.list(SNAPSHOTS)) if (isUlid(nameIn(key)) && !ids.has(key)) return true;
  return false;
}

const done = (action: Action): Action => ({ ...action, state: "done" });
const skipped = (action: Action, reason: string): Action => ({ ...action, state: "skipped", reason });

interface PlannedDrops {
  readonly before: readonly Manifest[];
  readonly drops: readonly Action[];
}

/** Whatever a plan says, and by the states as they are now: a drill may have failed since it was made. */
async function assertFloorsStay(repo: Repository, { before, drops }: PlannedDrops, deps: Deps): Promise<void> {
  if (drops.length === 0) return;
  const states = await SnapshotStates.read(repo, (error) => deps.log.problem(asPartial(error)), deps.now());
  const floors = findFloors(
    before.map((manifest) => retainedOf(manifest, states)),
    deps.now(),
  );
  const droppedIds = new Set(drops.map(({ id }) => id));
  for (const [{ id, manifest }, reason] of floors) {
    if (!droppedIds.has(id)) continue;
    throw refusal(
      "E_LAST_SNAPSHOT",
      `the plan drops ${id}, the ${reason} ${manifest.home_id} (${manifest.home_path})`,
      "remove its line from the plan",
    );
  }
  if (states.damaged > 0) {
    throw refusal(
      "E_DRILL_DAMAGED",
      "a result of a drill, or an acceptance, cannot be read",
      "agh-backup verify --all",
    );
  }
}

interface CheckedDrop {
  readonly action: Action;
  /** What is to be dropped; without it the action is skipped. */
  readonly manifest?: Manifest;
}

function checkDrops(drops: readonly Action[], before: readonly Manifest[]): readonly CheckedDrop[] {
  const seen = new Set<Manifest>();
  return drops.map((action) => {
    const manifest = before.find(({ id }) => id === action.id);
    if (!manifest || seen.has(manifest)) return { action: skipped(action, "it does not exist any more") };
    const { digest } = (action.expect ?? {}) as { digest?: unknown };
    if (digest !== manifest.digest) {
      return { action: skipped(action, "it is not the snapshot that was planned to be dropped") };
    }
    seen.add(manifest);
    return { action, manifest };
  });
}

async function drop(repo: Repository, { action, manifest }: CheckedDrop, context: PruneContext): Promise<Action> {
  if (!manifest) return action;
  context.deps.signal.throwIfAborted();
  await context.lock.assertLocked();
  await repo.removeManifest(manifest.id);
  return done(action);
}

class SelectedActions {
  readonly skipped: { readonly action: Action }[] = [];
  #actions = new Map<string, Action[]>();

  add(action: Action): void {
    const list = this.#actions.get(action.verb);
    if (list) list.push(action);
    else this.#actions.set(action.verb, [action]);
  }

  actions(verb: PruneVerb): readonly Action[] {
    return this.#actions.get(verb) ?? [];
  }

  ids(verb: PruneVerb): readonly string[] {
    return this.actions(verb).map(({ id }) => id!);
  }
}

/** Those that would be planned now as well; the others have drifted. */
function selectActions(
  actions: readonly Action[],
  { packs }: RepositoryUsage,
  { deps, graceMs }: PruneContext,
): SelectedActions {
  const selected = new SelectedActions();
  const seen = new Set<string>();
  for (const action of actions) {
    const use = packs.get(action.id!);
    const due = use && findDueAction(use, deps.now(), graceMs);
    const reason = !use
      ? "it does not exist any more"
      : seen.has(action.id!)
        ? "it is named twice"
        : due?.verb !== action.verb
          ? "what the snapshots need has changed"
          : undefined;
    seen.add(action.id!);
    if (reason === undefined) selected.add(action);
    else selected.skipped.push({ action: skipped(action, reason) });
  }
  return selected;
}

interface MarkOptions {
  readonly marked: ReadonlySet<string>;
  readonly context: PruneContext;
}

/** All marks that stand: those of before whose packs are still garbage, and the new ones. */
async function writeMarks(
  repo: Repository,
  { packs, marks }: RepositoryUsage,
  { marked, context }: MarkOptions,
): Promise<void> {
  const now = context.deps.now().toISOString();
  const standing: { [pack: string]: string } = {};
  let same = true;
  for (const [pack, use] of packs) {
    if (marked.has(pack)) standing[pack] = now;
    else if (use.marked !== undefined && use.needed === 0) standing[pack] = use.marked;
    same &&= standing[pack] === use.marked;
  }
  if (same && Object.keys(marks.at(-1)?.packs ?? {}).every((pack) => packs.has(pack))) return;
  const id = ulid(context.deps.now());
  await putMarks(repo, { format: MARKS_FORMAT, id, at: now, grace_ms: context.graceMs, packs: standing });
}

/** Creates that were under way may still ask which marks came and ran out. */
const MARK_RETENTION_MS = 48 * 3_600_000;

async function removeExpiredMarks(repo: Repository, { marks }: RepositoryUsage, { deps }: PruneContext): Promise<void> {
  for (const { id, at, grace_ms: grace } of marks.slice(0, -1)) {
    if (deps.now().getTime() - Date.parse(at) > grace + MARK_RETENTION_MS) await repo.target.delete(markKey(id));
  }
}

interface RewriteOptions {
  readonly deleted: ReadonlySet<string>;
  /** Packs whose needed chunks lie elsewhere now. */
  readonly moved: ReadonlySet<string>;
  readonly lock: PruneLock;
}

/** The index files of the survey again, without what goes; those that came meanwhile stay as they are. */
async function rewriteIndexes(
  repo: Repository,
  usage: RepositoryUsage,
  { deleted, moved, lock }: RewriteOptions,
): Promise<void> {
  const put = new Set<string>();
  let [lines, chunks]: [Uint8Array[], number] = [[], 0];
  const flush = async (): Promise<void> => {
    if (lines.length > 0) put.add((await repo.putIndex(lines)).key);
    [lines, chunks] = [[], 0];
  };
  for await (const file of readIndexFiles(repo)) {
    if (!usage.indexes.has(file.key)) continue;
    for (const line of file.lines) {
      if (deleted.has(line.pack)) continue;
      const left = withoutMoved(line, usage, moved);
      lines.push(encodePackLine(left));
      chunks += left.chunks.length;
      if (chunks >= INDEX_CHUNKS) await flush();
    }
  }
  await flush();
  await lock.assertLocked();
  for (const key of usage.indexes) if (!put.has(key)) await repo.target.delete(key);
}

/** A repacked pack keeps what no snapshot needed: a create that is under way may. */
function withoutMoved(line: PackLine, usage: RepositoryUsage, moved: ReadonlySet<string>): PackLine {
  if (!moved.has(line.pack)) return line;
  const chunks = line.chunks.filter(([sha256]) => !usage.isNeeded(sha256, line.pack));
  return { pack: line.pack, bytes: usage.packs.get(line.pack)!.size, chunks };
}
