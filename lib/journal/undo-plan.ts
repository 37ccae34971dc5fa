// What undoing a run does: which of its steps are taken back, and what stays, with the reason.
import { hashFile } from "../files/hash-file.ts";
import { refusal, ToolError } from "../records/error.ts";
import type { Journal } from "./format.ts";
import type { JournalHome } from "./journal-home.ts";
import { assertNoLinksIn, resolveLocation, rootsOf, type Roots } from "./locations.ts";
import { isThere } from "./move.ts";
import { findRowTrash } from "./removed-rows.ts";
import { abandonCommand } from "./recover.ts";
import { reverseStep } from "./reverse.ts";
import { sameStamp, stampOf } from "./stamps.ts";
import { stepState, type StateContext } from "./step-state.ts";
import { groupOf, locationsOf, type Move, type RowChange, type Step, type Swap } from "./steps.ts";
import { drifted } from "./swap.ts";

export interface UndoPlan {
  readonly journal: Journal;
  /** In the order in which they are done. */
  readonly steps: readonly Step[];
  readonly rows: readonly RowChange[];
  readonly items: readonly UndoItem[];
  /** Something stays as it is, or is taken out of the home again: what the run has of it is not thrown away. */
  readonly leaves: boolean;
}

export interface UndoItem {
  /** The path, or of a row its table and its key. */
  readonly id: string;
  /** Why it stays as it is; undefined where it is put back. */
  readonly reason?: string;
}

/** A step that is taken back, one that was not done, one that cannot be taken back, one whose path was changed since. */
type Decision = "back" | "nothing" | { readonly stays: string } | Blocked;

interface Blocked {
  readonly blocked: ToolError;
}

/**
 * Throws (4) where anything is neither as it was nor as the run left it, or where what would be put back is not what was kept; with
 * `partly` that stays as it is, and what belongs to it.
 */
export function planUndo(home: JournalHome, journal: Journal, { partly }: { readonly partly: boolean }): UndoPlan {
  const context = contextOf(home, journal);
  const decisions = new Map(journal.steps.map((step) => [step, decide(home, journal, step, context)]));
  const isLeft = partly && blockGroups(decisions);
  for (const one of decisions.values()) if (isBlocked(one)) throw one.blocked;
  if (isLeft) keepLists(decisions);
  const steps = journal.steps.filter((step) => decisions.get(step) === "back");
  const { rows, items } = planRows(home, journal, partly);
  const rowsStay = rows.length < (journal.rows?.length ?? 0);
  return {
    journal,
    steps: journal.direction === "back" ? steps : steps.toReversed().map(backOf),
    rows,
    items: [...itemsOf(decisions, context), ...items],
    leaves: isLeft || rowsStay || journal.leaves === true || steps.some(takesOut),
  };
}

/** What tells of things in the trash stays with them. */
function keepLists(decisions: Map<Step, Decision>): void {
  for (const step of decisions.keys()) {
    if (step.do === "move" && step.from.startsWith("run:") && step.to.startsWith("trash:"))
      decisions.set(step, "nothing");
  }
}

/** What a run has put into the home may have been written to since. */
const takesOut = (step: Step): boolean =>
  step.do === "move" && step.from.startsWith("run:") && step.to.startsWith("home:") && !step.to.startsWith(TOOLKIT);

const TOOLKIT = "home:.agh-toolkit/";

interface UndoContext extends StateContext {
  readonly roots: Roots;
}

function contextOf(home: JournalHome, { run, steps }: Journal): UndoContext {
  const roots = rootsOf(home, run);
  return { roots, pathOf: (location) => resolveLocation(roots, location), steps, writtenAt: undefined };
}

function decide(home: JournalHome, journal: Journal, step: Step, context: UndoContext): Decision {
  try {
    assertNoLinksIn([step], context.roots);
  } catch (error) {
    if (error instanceof ToolError) return { blocked: error };
    throw error;
  }
  return decideByState(home, journal, step, context);
}

function decideByState(
  { root, place }: JournalHome,
  { run, direction }: Journal,
  step: Step,
  context: StateContext,
): Decision {
  if (step.do === "insert-rows" && direction === "forward") return { stays: "rows that the run has added stay" };
  if (step.do === "remove-rows") return findRowTrash(root, run) ? "back" : "nothing";
  const state = stepState(step, context);
  if (typeof state === "object") return { blocked: drifted(context.pathOf(locationsOf(step)[0]!)) };
  if (direction === "back") return state === "pending" ? "back" : "nothing";
  if (state === "pending") return "nothing";
  if (step.do === "remove") return { stays: "it was removed for good" };
  const error =
    step.do === "swap" ? keptError({ place, run }, step, context) : step.do === "move" && moveError(step, context);
  return error ? { blocked: error } : "back";
}

/** What was moved away is there, and its place is free, or becomes free when what came there goes. */
function moveError({ from, to }: Move, { pathOf, steps }: StateContext): ToolError | undefined {
  if (!isThere(pathOf(to))) return refusal("E_DRIFTED", `${pathOf(to)} is not there any more`);
  const becomesFree = steps.some((step) => step.do === "move" && step.to === from);
  return isThere(pathOf(from)) && !becomesFree ? drifted(pathOf(from)) : undefined;
}

/** What would be put back is what was kept, byte for byte. */
function keptError(
  { place, run }: { readonly place: string; readonly run: string },
  { kept, from, sha256 }: Swap,
  { pathOf }: StateContext,
): ToolError | undefined {
  if (kept === undefined || from === null) return undefined;
  const file = pathOf(kept);
  const isSame = sha256 === undefined ? sameStamp(stampOf(file), from) : isThere(file) && hashFile(file) === sha256;
  if (isSame) return undefined;
  return refusal(
    "E_KEPT_DIFFERS",
    `run ${run} cannot be undone: ${file}, which it would put back, is not what was kept`,
    `agh-backup restore brings back an older state; ${abandonCommand({ place }, run)} forgets the run`,
  );
}

/**
 * A database and what lies beside it are taken back together or not at all; of a session goes back what can, as when a killed run is
 * finished. Tells whether anything stays.
 */
function blockGroups(decisions: Map<Step, Decision>): boolean {
  let found = false;
  for (const group of Map.groupBy(decisions.keys(), (step) => groupOf(step) ?? step).values()) {
    const blocked = group.map((step) => decisions.get(step)!).find(isBlocked);
    if (!blocked) continue;
    found = true;
    const stays = { stays: blocked.blocked.message };
    for (const step of group) {
      const decision = decisions.get(step)!;
      if (isBlocked(decision) || (decision === "back" && step.do !== "move")) decisions.set(step, stays);
    }
  }
  return found;
}

const isBlocked = (decision: Decision): decision is Blocked => typeof decision === "object" && "blocked" in decision;

/** Rows that were removed are kept in the trash: from there they are inserted again. */
const backOf = (step: Step): Step =>
  step.do === "remove-rows" ? { do: "insert-rows", files: ["trash:rows.jsonl"], own_home: true } : reverseStep(step)!;

function planRows(home: JournalHome, { rows = [] }: Journal, partly: boolean): Pick<UndoPlan, "rows" | "items"> {
  const ids = [...new Set(rows.map(({ table, from, to }) => `${table}/${String((from ?? to)?.["id"])}`))];
  try {
    if (rows.length > 0) revertRows(home, rows, { dry: true });
    return { rows, items: ids.map((id) => ({ id })) };
  } catch (error) {
    if (!partly || !(error instanceof ToolError)) throw error;
    return { rows: [], items: ids.map((id) => ({ id, reason: error.message })) };
  }
}

export function revertRows(
  { rows: executor, place, runtime }: JournalHome,
  rows: readonly RowChange[],
  options: { readonly dry: boolean },
): void {
  if (!executor?.revert) throw refusal("E_CANNOT", `${place} is a home of ${runtime}, whose rows cannot be put back`);
  executor.revert(rows, options);
}

/** One for each path; what was not done is not named. */
function itemsOf(decisions: ReadonlyMap<Step, Decision>, { pathOf }: StateContext): UndoItem[] {
  const items = new Map<string, UndoItem>();
  for (const [step, decision] of decisions) {
    if (decision === "nothing") continue;
    const id = step.do === "remove-rows" ? "rows" : pathOf(locationsOf(step)[0]!);
    const reason = typeof decision === "object" && "stays" in decision ? decision.stays : undefined;
    if (!items.has(id)) items.set(id, { id, ...(reason !== undefined && { reason }) });
  }
  return [...items.values()];
}
