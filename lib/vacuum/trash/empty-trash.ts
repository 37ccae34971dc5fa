// Empties the trash: needs no free space, and no stop of the daemon. With an age the kept runs go too, which undo takes.
import { rmSync } from "node:fs";
import { hash } from "node:crypto";
import { dirname } from "node:path";
import { bytesBelow, presentIn, TRASH_LIST } from "../../custody/trash.ts";
import { asOwner } from "../../files/as-owner.ts";
import { fsyncDir } from "../../files/atomic.ts";
import { joinPath, osPath } from "../../files/os-path.ts";
import { toFileError } from "../../files/errors.ts";
import { walk } from "../../files/walk.ts";
import type { OpenPlace } from "../../places/detect-source.ts";
import type { Deps } from "../../records/deps.ts";
import type { Home } from "../../sources/source.ts";
import {
  createPlannedAction,
  asDone,
  asSkipped,
  requireText,
  type RemovalOutcome,
  type RemovalPlan,
  type Removal,
} from "../removal-types.ts";
import { leftovers, type Leftover } from "./trash-records.ts";
import type { Action } from "../../records/result-kinds.ts";

export interface EmptyTrash {
  /** Milliseconds; also what runs have kept for undo goes, from this age on. Undefined is all of the trash. */
  readonly olderThan: number | undefined;
  readonly toolkit: string;
}

/** One action for each run. What bears a time from the future stays where an age is asked for. */
export async function* planEmptyTrash({ home }: OpenPlace, options: EmptyTrash, deps: Deps): RemovalPlan {
  const all = leftovers(home);
  const selected = all.filter((it) => isSelected(it, options.olderThan, deps.now()));
  for (const it of selected) yield planned(home, it, options.toolkit);
  const kept = all.filter(({ undoes }) => undoes !== undefined);
  if (options.olderThan === undefined && kept.length > 0) {
    return { facts: { kept_runs: kept.length, kept_bytes: kept.reduce((sum, { bytes }) => sum + bytes, 0) } };
  }
}

function isSelected({ at, undoes }: Leftover, olderThan: number | undefined, now: Date): boolean {
  if (olderThan === undefined) return undoes === undefined;
  return at !== undefined && at.getTime() + olderThan < now.getTime();
}

function planned(home: Home, it: Leftover, toolkit: string): Action {
  const { run, dirs, bytes, at, undoes, trash } = it;
  const sessions = trash ? presentIn(trash).map(({ session_id }) => session_id) : [];
  const subject = { run, paths: dirs, ...(sessions.length > 0 && { sessions }) };
  const reason = at ? `moved to the trash at ${at.toISOString()}` : "the time at which it was moved there is unknown";
  const loses =
    undoes !== undefined
      ? `what agh-reconcile undo ${run} needs`
      : sessions.length > 0
        ? `${sessions.length} sessions, unless they are kept elsewhere`
        : "files that another command replaced";
  return createPlannedAction(
    home,
    { id: run, verb: "empty-trash", subject, expect: { fingerprint: fingerprintOf(it) }, reason, bytes, loses },
    toolkit,
  );
}

function fingerprintOf({ dirs }: Leftover): string {
  const hashed = dirs.flatMap((dir) =>
    [...walk(dir)].map(
      ({ path, type, stat }) => `${dir}\0${path}\0${type}\0${stat.ino}\0${type === "file" ? stat.size : ""}\n`,
    ),
  );
  return hash("sha256", hashed.join("")).slice(0, 32);
}

export const emptying: Removal = {
  daemonMayRun: true,
  async *perform(actions, { home, journal, deps }) {
    const there = new Map(leftovers(home).map((it) => [it.run, it]));
    for (const action of actions) {
      deps.signal.throwIfAborted();
      const it = there.get(requireText(action, "subject", "run"));
      yield asOwner(journal.owner, () => empty(action, it));
    }
  },
};

function empty(action: Action, it: Leftover | undefined): RemovalOutcome {
  if (!it) return { action: asSkipped(action, "it does not exist any more") };
  if (fingerprintOf(it) !== requireText(action, "expect", "fingerprint")) {
    return { action: asSkipped(action, "it has changed since the plan") };
  }
  const bytes = it.dirs.reduce((sum, dir) => sum + bytesBelow(dir), 0);
  for (const dir of it.dirs) removeTree(dir);
  return { action: asDone(action, bytes) };
}

/** By which it could be restored or undone: what is left of a removal that was cut short is no trap. */
const LISTS = [TRASH_LIST, "rows.json", "journal.json", "done.json"];

function removeTree(dir: string): void {
  try {
    for (const name of LISTS) rmSync(osPath(joinPath(dir, name)), { force: true });
    fsyncDir(dir);
    rmSync(osPath(dir), { recursive: true, force: true });
    fsyncDir(dirname(dir));
  } catch (error) {
    throw toFileError(dir, "remove", error);
  }
}
