// Takes back what a run has done: every file byte for byte, its mode and its time.
import { ulid } from "../formats/ulid.ts";
import { withHomeLock } from "../places/home-lock.ts";
import type { Deps } from "../records/deps.ts";
import { usageError } from "../records/error.ts";
import type { AnyRecord } from "../records/record.ts";
import { Tally } from "../records/summary.ts";
import { openWithCapability, type Place } from "../places/open-with-capability.ts";
import { rowChangesOf, recoverRows, undoRows } from "./row-runs.ts";
import { assertCanUndo, recover, findRunToUndo, undo } from "./runs.ts";
import type { Journal } from "../formats/journal.ts";

export interface UndoRun {
  readonly place: Place;
  readonly run: string;
  readonly apply: boolean;
  readonly lockTimeoutMs: number;
}

/** Yields an `action` for each path, planned or done, and a `summary`. What was changed since is refused (4), whole. */
export async function* undoRun({ place, run, apply, lockTimeoutMs }: UndoRun, deps: Deps): AsyncGenerator<AnyRecord> {
  const tally = new Tally("agh-reconcile undo", deps, ulid(deps.now()));
  using opened = await openWithCapability(place, "reconcile", deps);
  const { home } = opened;
  if (!home.live) throw usageError(`${home.place} cannot be changed`, "name a directory: --home DIR");
  const rows = await opened.source.repairer?.();
  const journal = findRunToUndo(home, run);
  if (rows) rows.undo(home, rowChangesOf(journal), { dry: true }, deps);
  else assertCanUndo(journal);
  if (apply && rows) {
    await withHomeLock({ home, lockTimeoutMs, daemonMayRun: true }, deps, async () => {
      recoverRows(home);
      undoRows(home, rows, findRunToUndo(home, run), deps);
    });
  } else if (apply) {
    await withHomeLock({ home, lockTimeoutMs }, deps, async () => {
      recover(home, run);
      const now = findRunToUndo(home, run);
      assertCanUndo(now);
      undo(home, now);
    });
  }
  for (const path of pathsOf(journal)) {
    tally.done();
    yield {
      kind: "action",
      runtime: home.runtime,
      home: home.place,
      id: path,
      verb: "put-back-as-it-was",
      subject: { home_id: home.id, run, path },
      state: apply ? "done" : "planned",
      loses: "what the run repaired",
    };
  }
  yield tally.summary(apply ? {} : { status: "planned" });
}

/** The paths, or of rows the table and the key. */
const pathsOf = (journal: Journal): string[] => [
  ...new Set([
    ...journal.steps.flatMap((step) => ("path" in step ? [step.path] : [])),
    ...rowChangesOf(journal).map(({ table, from, to }) => `${table}/${String((from ?? to)?.["id"])}`),
  ]),
];
