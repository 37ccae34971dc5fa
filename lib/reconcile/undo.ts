// Takes back what a run has done: every file byte for byte, its mode and its time; of a killed run as far as it went.
import { ulid } from "../formats/ulid.ts";
import { runDir } from "../journal/locations.ts";
import type { JournalHome } from "../journal/journal-home.ts";
import { dropRun, findRun, planRunUndo, undoRun, type FoundRun } from "../journal/undo.ts";
import type { UndoItem, UndoPlan } from "../journal/undo-plan.ts";
import type { OpenPlace } from "../places/detect-source.ts";
import { withHomeChange } from "../places/home-change.ts";
import { withHomeLock } from "../places/home-lock.ts";
import { journalHome } from "../places/journal-home.ts";
import type { Place } from "../places/open-with-capability.ts";
import { openPlace } from "../places/place.ts";
import type { Deps } from "../records/deps.ts";
import { EXIT, usageError } from "../records/error.ts";
import type { Action } from "../records/result-kinds.ts";
import type { AnyRecord } from "../records/record.ts";
import { Tally } from "../records/summary.ts";
import type { Home } from "../sources/source.ts";

export interface UndoHomeRun {
  readonly place: Place;
  readonly run: string;
  /** What cannot be taken back stays, and the run is set aside: nobody takes it up again. */
  readonly abandon: boolean;
  readonly apply: boolean;
  readonly lockTimeoutMs: number;
}

/** A run as it was found, and what undoing it does: nothing where it is only set aside, or removed. */
interface Undoing {
  readonly found: FoundRun;
  readonly plan: UndoPlan | undefined;
}

/**
 * Yields an `action` for each path, planned or done, and a `summary`. What was changed since is refused (4), whole, unless the run is to be
 * abandoned.
 */
export async function* undoHomeRun(options: UndoHomeRun, deps: Deps): AsyncGenerator<AnyRecord> {
  const { place, abandon, apply } = options;
  const tally = new Tally("agh-reconcile undo", deps, ulid(deps.now()));
  using opened = await openPlace(place.home, place, deps);
  const { home } = opened;
  if (!home.live) throw usageError(`${home.place} cannot be changed`, "name a directory: --home DIR");
  const planned = planUndoing(await journalHome(opened, deps), options);
  const undoing = apply ? await undoWithLock(opened, options, deps) : planned;
  for (const item of undoing.plan?.items ?? []) {
    if (item.reason === undefined || abandon) tally.done();
    else tally.failed(EXIT.partial);
    yield actionOf(home, options, { item, undoing });
  }
  if (isSetAside(undoing)) {
    tally.done();
    yield setAsideAction(home, options);
  }
  yield tally.summary(apply ? {} : { status: "planned" });
}

function planUndoing(journal: JournalHome, { run, abandon }: Pick<UndoHomeRun, "run" | "abandon">): Undoing {
  const found = findRun(journal, run);
  return { found, plan: planRunUndo(journal, found, { abandon }) };
}

/** What is left of the run goes to the trash. */
const isSetAside = ({ found, plan }: Undoing): boolean =>
  plan ? plan.leaves : found.journal !== undefined || found.problem !== undefined;

/** Looked at again: now nobody else changes the home. Of two runs that refuse every command either can be abandoned first. */
function undoWithLock(opened: OpenPlace, options: UndoHomeRun, deps: Deps): Promise<Undoing> {
  const { run, abandon, lockTimeoutMs } = options;
  const undo = async (journal: JournalHome): Promise<Undoing> => {
    const undoing = planUndoing(journal, options);
    if (undoing.plan) undoRun(journal, undoing.plan);
    else dropRun(journal, undoing.found);
    return undoing;
  };
  return abandon
    ? withHomeLock(opened, { lockTimeoutMs }, deps, async () => undo(await journalHome(opened, deps)))
    : withHomeChange(opened, { lockTimeoutMs, but: run }, deps, undo);
}

interface UndoneItem {
  readonly item: UndoItem;
  readonly undoing: Undoing;
}

function actionOf(home: Home, { run, apply }: UndoHomeRun, { item, undoing: { found } }: UndoneItem): Action {
  const { runtime, place, id: home_id } = home;
  const { id, reason } = item;
  return {
    kind: "action",
    runtime,
    home: place,
    id,
    verb: "put-back-as-it-was",
    subject: { home_id, run, path: id },
    state: reason !== undefined ? "skipped" : apply ? "done" : "planned",
    ...(reason !== undefined && { reason }),
    loses: reason !== undefined ? null : found.isFinished ? "what the run repaired" : "what the run has done",
  };
}

const setAsideAction = ({ runtime, place, root, id: home_id }: Home, { run, apply }: UndoHomeRun): Action => ({
  kind: "action",
  runtime,
  home: place,
  id: run,
  verb: "set-aside",
  subject: { home_id, run, path: runDir(root, run) },
  state: apply ? "done" : "planned",
  reason: "what is left of the run goes to the trash",
  loses: `agh-reconcile undo ${run}`,
});
