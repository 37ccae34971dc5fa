// Removes sessions, whatever they are made of: rows, or tombstone first, then directory and ledger; at once or to the trash. Journaled.
import { statfsSync, writeFileSync } from "node:fs";
import { removalSteps, trashEntryOf } from "../../custody/removal.ts";
import { retiredRowsFile, tombstoneFile } from "../../custody/tombstones.ts";
import { encodeTrash, TRASH_LIST } from "../../custody/trash.ts";
import { toFileError } from "../../files/errors.ts";
import { joinPath, osPath } from "../../files/os-path.ts";
import {
  encodeRetiredRows,
  encodeTombstone,
  retiredRowsName,
  TOMBSTONE_FORMAT,
  tombstoneName,
  type Tombstone,
} from "../../formats/archive/tombstone.ts";
import { ulid } from "../../formats/ulid.ts";
import type { Done } from "../../journal/execute.ts";
import { Run } from "../../journal/run.ts";
import type { Step } from "../../journal/steps.ts";
import { usageError } from "../../records/error.ts";
import type { LocalSession } from "../../sources/custody.ts";
import { asDone, asSkipped, type Removal, type RemovalContext, type RemovalOutcome } from "../removal-types.ts";
import { parseRemoval, Recheck, type ApprovedRemoval, type PlannedRemoval } from "./recheck.ts";

/** Directories that are journaled and synced together; rows go in one transaction, however many. */
const BATCH = 256;
/** With less room than this every session is brought to its end by itself: it frees what the next one needs. */
const LITTLE_ROOM = 64 << 20;

/** Of all verbs that take sessions out. */
export const removingSessions: Removal = {
  async *perform(actions, context) {
    const { deps } = context;
    const removals = actions.map((action) => parseRemoval(action, context.source));
    assertOneDestination(removals);
    const recheck = await Recheck.open(removals, context);
    for (let at = 0; at < removals.length;) {
      deps.signal.throwIfAborted();
      const batch = removals.slice(at, at + batchSize(removals, context));
      yield* removeBatch(batch, recheck, { ...context, run: at === 0 ? context.run : ulid(deps.now()) });
      at += batch.length;
      deps.progress.update({ label: "sessions removed", done: at, total: removals.length, unit: "items" });
    }
  },
};

function assertOneDestination(removals: readonly PlannedRemoval[]): void {
  const isMixed = new Set(removals.map(({ isPermanent }) => isPermanent)).size > 1;
  if (isMixed && removals.some(({ action }) => action.verb === "remove-run"))
    throw usageError("the plan moves some runs to the trash and deletes others", "apply it in two parts");
}

function batchSize(removals: readonly PlannedRemoval[], { home }: RemovalContext): number {
  if (removals.every(({ isRows }) => isRows)) return removals.length;
  const { bavail, bsize } = statfsSync(osPath(home.root) as string);
  return bavail * bsize < LITTLE_ROOM ? 1 : BATCH;
}

async function* removeBatch(
  batch: readonly PlannedRemoval[],
  recheck: Recheck,
  context: RemovalContext,
): AsyncGenerator<RemovalOutcome> {
  const approved: ApprovedRemoval[] = [];
  for (const planned of batch) {
    const answer = await recheck.approve(planned);
    if ("refused" in answer) yield { action: asSkipped(planned.action, answer.refused) };
    else approved.push(answer);
  }
  if (approved.length === 0) return;
  const done = removeApproved(approved, context);
  for (const one of approved) yield outcomeOf(one, done, recheck.remainsOf(one));
}

function outcomeOf(approved: ApprovedRemoval, done: Done, remains: string | undefined): RemovalOutcome {
  const { action, id, isRows, isPermanent, local } = approved;
  if (remains !== undefined) return { action: { ...action, state: "failed", error: remains } };
  if (isRows) {
    // The same rows as in the plan, so the same bytes: the fingerprint says so.
    if (done.removed.includes(id)) return { action: asDone(action, action.bytes ?? 0) };
    return { action: asSkipped(action, done.reasons.get(id) ?? "it does not exist any more") };
  }
  return { action: asDone(action, isPermanent ? local!.bytes : 0) };
}

/** What goes at once is removed with the journal, when all of it is out. */
function removeApproved(approved: readonly ApprovedRemoval[], context: RemovalContext): Done {
  const tool = approved[0]!.action.verb === "remove-run" ? "agh-vacuum runs" : "agh-vacuum sessions";
  using run = Run.begin(context.journal, tool, context.run);
  return run.commit({ steps: stageSteps(run, approved, context) });
}

interface ApprovedFiles extends ApprovedRemoval {
  readonly local: LocalSession;
}

function stageSteps(run: Run, approved: readonly ApprovedRemoval[], { home, deps }: RemovalContext): Step[] {
  const files = approved.filter((one): one is ApprovedFiles => !one.isRows);
  const at = deps.now().toISOString();
  const trashed = files.filter(({ isPermanent }) => !isPermanent);
  const list = {
    run: run.run,
    home_id: home.id,
    trashed_at: at,
    entries: trashed.map(({ local }) => trashEntryOf(local)),
  };
  return [
    ...(trashed.length > 0 ? [putStep(run, TRASH_LIST, `trash:${TRASH_LIST}`, encodeTrash(list))] : []),
    ...files.map((one) => tombstoneStep(run, home.root, one, at)),
    ...rowSteps(approved),
    // After the rows: a transaction that fails has changed nothing.
    ...retiredRowsSteps(run, home.root, approved, at),
    ...files.flatMap((one) => removalSteps(run, home.root, one)),
  ];
}

/** Rows that are kept, and those that are not, in a transaction each. */
function rowSteps(approved: readonly ApprovedRemoval[]): Step[] {
  const withRows = approved.filter(({ isRows, local }) => isRows || Object.keys(local!.rows).length > 0);
  return [true, false].flatMap((keep) => {
    const of = withRows.filter(({ isPermanent }) => isPermanent !== keep);
    const sessions = of.map(({ id, fingerprint }) => ({ id, fingerprint }));
    return sessions.length > 0 ? [{ do: "remove-rows" as const, sessions, keep }] : [];
  });
}

function putStep(run: Run, name: string, to: string, content: Buffer): Step {
  const from = joinPath(run.staging, name);
  try {
    writeFileSync(osPath(from), content, { mode: 0o600 });
  } catch (error) {
    throw toFileError(from, "write", error);
  }
  return { do: "move", from: run.locate(from), to, replace: true };
}

/** Rows may be very many: one file tells of all of them. */
function retiredRowsSteps(run: Run, root: string, approved: readonly ApprovedRemoval[], at: string): Step[] {
  const ids = approved.filter(({ isRows }) => isRows).map(({ id }) => id);
  if (ids.length === 0) return [];
  run.directory("tombstones");
  const content = encodeRetiredRows({ format: TOMBSTONE_FORMAT, run: run.run, retired_at: at, ids });
  return [putStep(run, `tombstones/${retiredRowsName(run.run)}`, run.locate(retiredRowsFile(root, run.run)), content)];
}

function tombstoneStep(run: Run, root: string, { id, local, proof, isPermanent }: ApprovedFiles, at: string): Step {
  const { archive = null, snapshot } = proof;
  const tombstone: Tombstone = {
    format: TOMBSTONE_FORMAT,
    session_id: id,
    retired_at: at,
    archive,
    ...(snapshot && { snapshot }),
    ...(!isPermanent && { trash: run.run }),
    last_sequence: local.session.last_sequence ?? null,
  };
  run.directory("tombstones");
  const to = run.locate(tombstoneFile(root, id));
  return { ...putStep(run, `tombstones/${tombstoneName(id)}`, to, encodeTombstone(tombstone)), group: id } as Step;
}
