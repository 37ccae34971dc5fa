// Does what a prune has planned. Each action is held against the repository as it is now; what drifted is skipped.
import type { PackLine } from "../formats/chunk-index.ts";
import { encodeLine, INDEX_CHUNKS } from "../formats/chunk-index.ts";
import { markKey, nameIn, packKey, snapshotKey, SNAPSHOTS } from "../formats/layout.ts";
import type { Manifest } from "../formats/manifest.ts";
import { MARKS_FORMAT, putMarks } from "../formats/marks.ts";
import { indexFiles, type Repository } from "../formats/repository.ts";
import { newestFirst } from "../formats/snapshots.ts";
import { isUlid, ulid } from "../formats/ulid.ts";
import type { Deps } from "../records/deps.ts";
import { EXIT, refusal } from "../records/error.ts";
import type { Action } from "../records/judgements.ts";
import type { Tally } from "../records/summary.ts";
import { survey, type Survey } from "./pack-use.ts";
import type { PruneLock } from "./prune-lock.ts";
import { dueFor, packActions, type PruneVerb } from "./prune-plan.ts";
import { repack } from "./repack.ts";

export interface Performing {
  readonly lock: PruneLock;
  readonly tally: Tally;
  readonly graceMs: number;
  /** The actions say only which snapshots go: what follows for the packs is found out when those are gone. */
  readonly packsToo: boolean;
  readonly deps: Deps;
}

/**
 * Content before index before pointer, deletion last: new packs and their index, the marks, the indexes without what
 * goes, and only then the packs.
 */
export async function* performPrune(
  repo: Repository,
  actions: readonly Action[],
  doing: Performing,
): AsyncGenerator<Action> {
  const { tally } = doing;
  const told = (action: Action): Action => {
    if (action.state === "done") tally.done(action.bytes ?? 0);
    else tally.failed(EXIT.partial);
    return action;
  };
  const before = await allManifests(repo);
  const drops = actions.filter(({ verb }) => verb === "drop-snapshot");
  assertGoodStay(before, drops);
  const gone: Manifest[] = [];
  for (const action of drops) yield told(await drop(repo, action, { before, gone, doing }));
  const stay = await allManifests(repo);
  const found = await survey(repo, { stay, go: gone }, doing.deps);
  const rest = doing.packsToo
    ? [...packActions(repo, found, { now: doing.deps.now(), graceMs: doing.graceMs })]
    : actions;
  const of = (verb: PruneVerb): readonly Action[] => rest.filter((action) => action.verb === verb);
  const chosen = choose([...of("repack"), ...of("mark-pack"), ...of("delete-pack")], found, doing);
  for (const { action } of chosen.skipped) yield told(action);
  const moved = await repack(repo, { packs: chosen.of("repack"), found }, doing.deps);
  await doing.lock.assertHeld();
  await writeMarks(repo, found, { marked: new Set([...chosen.of("mark-pack"), ...chosen.of("repack")]), doing });
  for (const verb of ["repack", "mark-pack"] as const) for (const each of chosen.actions(verb)) yield told(done(each));
  const cameMeanwhile = await hasCome(repo, stay);
  // A create that has published since the survey may rely on what was to go; those that publish from now on see the marks.
  const deleted = new Set(cameMeanwhile ? [] : chosen.of("delete-pack"));
  const merge = of("merge-indexes");
  if (deleted.size + moved.size + merge.length > 0) {
    await rewriteIndexes(repo, found, { deleted, moved: new Set(chosen.of("repack")), lock: doing.lock });
  }
  for (const each of merge) yield told(done(each));
  for (const each of chosen.actions("delete-pack")) {
    if (cameMeanwhile) {
      yield told(skipped(each, "a snapshot came meanwhile: the next prune looks again"));
      continue;
    }
    await doing.lock.assertHeld();
    await repo.target.delete(packKey(each.id!));
    yield told(done(each));
  }
  await forgetMarks(repo, found, doing);
}

async function allManifests(repo: Repository): Promise<Manifest[]> {
  const all: Manifest[] = [];
  for await (const manifest of newestFirst(repo)) all.push(manifest);
  return all;
}

/** Whether there is a snapshot that the survey did not know. */
async function hasCome(repo: Repository, known: readonly Manifest[]): Promise<boolean> {
  const ids = new Set(known.map(({ id }) => snapshotKey(id)));
  for await (const { key } of repo.target.list(SNAPSHOTS)) if (isUlid(nameIn(key)) && !ids.has(key)) return true;
  return false;
}

const done = (action: Action): Action => ({ ...action, state: "done" });
const skipped = (action: Action, reason: string): Action => ({ ...action, state: "skipped", reason });

/** Whatever a plan says: of every home that has snapshots at least one stays. */
function assertGoodStay(manifests: readonly Manifest[], drops: readonly Action[]): void {
  const going = new Set(drops.map(({ id }) => id));
  for (const [home, list] of Map.groupBy(manifests, ({ home_id }) => home_id)) {
    if (list.some(({ id }) => !going.has(id))) continue;
    throw refusal(
      "E_LAST_SNAPSHOT",
      `the plan drops every snapshot of home ${home} (${list[0]!.home_path})`,
      "keep at least one: take its line out of the plan",
    );
  }
}

interface Dropping {
  readonly before: readonly Manifest[];
  readonly gone: Manifest[];
  readonly doing: Performing;
}

async function drop(repo: Repository, action: Action, { before, gone, doing }: Dropping): Promise<Action> {
  const manifest = before.find(({ id }) => id === action.id);
  if (!manifest || gone.includes(manifest)) return skipped(action, "it is gone already");
  const { digest } = (action.expect ?? {}) as { digest?: unknown };
  if (digest !== manifest.digest) return skipped(action, "it is not the snapshot that was planned for");
  doing.deps.signal.throwIfAborted();
  await doing.lock.assertHeld();
  await repo.target.delete(snapshotKey(manifest.id));
  gone.push(manifest);
  return done(action);
}

class Chosen {
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

  of(verb: PruneVerb): readonly string[] {
    return this.actions(verb).map(({ id }) => id!);
  }
}

/** Those that would be planned now as well; the others have drifted. */
function choose(actions: readonly Action[], { packs }: Survey, { deps, graceMs }: Performing): Chosen {
  const chosen = new Chosen();
  const seen = new Set<string>();
  for (const action of actions) {
    const use = packs.get(action.id!);
    const due = use && dueFor(use, deps.now(), graceMs);
    const reason = !use
      ? "it is gone already"
      : seen.has(action.id!)
        ? "it is named twice"
        : due?.verb !== action.verb
          ? "what the snapshots need has changed"
          : undefined;
    seen.add(action.id!);
    if (reason === undefined) chosen.add(action);
    else chosen.skipped.push({ action: skipped(action, reason) });
  }
  return chosen;
}

interface Marking {
  readonly marked: ReadonlySet<string>;
  readonly doing: Performing;
}

/** All marks that stand: those of before whose packs are still garbage, and the new ones. */
async function writeMarks(repo: Repository, { packs, marks }: Survey, { marked, doing }: Marking): Promise<void> {
  const now = doing.deps.now().toISOString();
  const standing: { [pack: string]: string } = {};
  let same = true;
  for (const [pack, use] of packs) {
    if (marked.has(pack)) standing[pack] = now;
    else if (use.marked !== undefined && use.needed === 0) standing[pack] = use.marked;
    same &&= standing[pack] === use.marked;
  }
  if (same && Object.keys(marks.at(-1)?.packs ?? {}).every((pack) => packs.has(pack))) return;
  const id = ulid(doing.deps.now());
  await putMarks(repo, { format: MARKS_FORMAT, id, at: now, grace_ms: doing.graceMs, packs: standing });
}

/** Creates that were under way may still ask which marks came and ran out. */
const KEPT_MS = 48 * 3_600_000;

async function forgetMarks(repo: Repository, { marks }: Survey, { deps }: Performing): Promise<void> {
  for (const { id, at, grace_ms: grace } of marks.slice(0, -1)) {
    if (deps.now().getTime() - Date.parse(at) > grace + KEPT_MS) await repo.target.delete(markKey(id));
  }
}

interface Rewriting {
  readonly deleted: ReadonlySet<string>;
  /** Packs whose needed chunks lie elsewhere now. */
  readonly moved: ReadonlySet<string>;
  readonly lock: PruneLock;
}

/** The index files of the survey again, without what goes; those that came meanwhile stay as they are. */
async function rewriteIndexes(repo: Repository, found: Survey, { deleted, moved, lock }: Rewriting): Promise<void> {
  const put = new Set<string>();
  let [lines, chunks]: [Uint8Array[], number] = [[], 0];
  const flush = async (): Promise<void> => {
    if (lines.length > 0) put.add((await repo.putIndex(lines)).key);
    [lines, chunks] = [[], 0];
  };
  for await (const file of indexFiles(repo)) {
    if (!found.indexes.has(file.key)) continue;
    for (const line of file.lines) {
      if (deleted.has(line.pack)) continue;
      const left = withoutMoved(line, found, moved);
      lines.push(encodeLine(left));
      chunks += left.chunks.length;
      if (chunks >= INDEX_CHUNKS) await flush();
    }
  }
  await flush();
  await lock.assertHeld();
  for (const key of found.indexes) if (!put.has(key)) await repo.target.delete(key);
}

/** A repacked pack keeps what no snapshot needed: a create that is under way may. */
function withoutMoved(line: PackLine, found: Survey, moved: ReadonlySet<string>): PackLine {
  if (!moved.has(line.pack)) return line;
  const chunks = line.chunks.filter(([sha256]) => !found.needs(sha256, line.pack));
  return { pack: line.pack, bytes: found.packs.get(line.pack)!.size, chunks };
}
