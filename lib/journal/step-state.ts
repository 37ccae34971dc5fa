// How far a killed run has come with a step, and whether what it was about is still what the step saw.
import { lstatSync } from "node:fs";
import { osPath } from "../files/os-path.ts";
import { walk } from "../files/walk.ts";
import { isContained, isSameTree, isThere } from "./move.ts";
import { look, sameSeen, sameStamp, stampOf, strangerIn } from "./stamps.ts";
import type { ChangeMode, Move, Remove, Step, Swap } from "./steps.ts";

export type StepState = "done" | "pending" | { readonly changed: string };

export interface StateContext {
  pathOf(location: string): string;
  readonly steps: readonly Step[];
  /** Of a journal whose steps did not say what they saw: when it was written, in milliseconds since 1970. */
  readonly writtenAt: number | undefined;
}

export function stepState(step: Step, context: StateContext): StepState {
  switch (step.do) {
    case "move":
      return moveState(step, context);
    case "remove":
      return removeState(step, context);
    case "swap":
      return swapState(step, context);
    case "mode":
      return modeState(step, context);
    default:
      return "pending"; // rows: what was done already is passed over in the transaction
  }
}

function moveState(step: Move, context: StateContext): StepState {
  const { pathOf, writtenAt } = context;
  const [from, to] = [pathOf(step.from), pathOf(step.to)];
  if (step.displace) return isThere(from) && !isReplaced(step, context) ? "pending" : "done";
  const now = look(from);
  if (!now) return isThere(to) ? "done" : changed(`${from} is not there any more`);
  if (isReplaced(step, context)) return "done";
  if (step.seen && !sameSeen(step.seen, now)) {
    if (!isThere(to)) return changed(`${from} was changed`);
    // Killed amid the removal of what had been copied.
    return isContained(from, to) ? "pending" : changed(`${from} has come to be again`);
  }
  if (!step.seen && step.removes && writtenAt !== undefined && isYounger(from, writtenAt))
    return changed(`${from} was changed`);
  const isFree = step.replace || step.seen !== undefined || !isThere(to) || isVacated(step, context);
  return isFree ? "pending" : changed(`${to} has come to be`);
}

/** Whether another step of the group moves out what lies where this one goes. */
const isVacated = ({ to, group }: Move, { steps }: StateContext): boolean =>
  group !== undefined && steps.some((step) => step.do === "move" && step.group === group && step.from === to);

/**
 * Whether what comes in the place of what a step moves out has come: what lies there now is no longer what was to go. What belongs to it,
 * and is moved out with `displace`, goes with it.
 */
export function isReplaced(
  { from, to, group, displace }: Move,
  { pathOf, steps }: Pick<StateContext, "pathOf" | "steps">,
): boolean {
  if (!to.startsWith("trash:")) return false;
  const { byPlace, byGroup } = putsOf(steps);
  const put = byPlace.get(from) ?? (displace && group !== undefined ? byGroup.get(group) : undefined);
  if (put === undefined || !isThere(pathOf(put.from))) return put !== undefined;
  // Between mounts it is copied, and for a moment lies in both places.
  return put.to === from && isThere(pathOf(to)) && isSameTree(pathOf(put.from), pathOf(from));
}

interface Puts {
  readonly byPlace: ReadonlyMap<string, Move>;
  readonly byGroup: ReadonlyMap<string, Move>;
}

const known = new WeakMap<readonly Step[], Puts>();

/** The moves that put what was staged in its place. */
function putsOf(steps: readonly Step[]): Puts {
  const found = known.get(steps);
  if (found) return found;
  const puts = steps.filter((step): step is Move => step.do === "move" && step.from.startsWith("run:"));
  const made: Puts = {
    byPlace: new Map(puts.map((put) => [put.to, put])),
    byGroup: new Map(puts.flatMap((put) => (put.group === undefined ? [] : [[put.group, put]]))),
  };
  known.set(steps, made);
  return made;
}

/** Whether anything below a path was written to after a moment. */
function isYounger(path: string, at: number): boolean {
  for (const { type, stat } of walk(path)) {
    if (type !== "directory" && Number(stat.mtimeNs / 1_000_000n) > at) return true;
  }
  return false;
}

function removeState({ path, files, seen }: Remove, { pathOf }: StateContext): StepState {
  const at = pathOf(path);
  if (!isThere(at)) return "done";
  const stranger = files && strangerIn(at, files);
  if (stranger !== undefined) return changed(`${stranger} was changed`);
  return seen && !files && !sameSeen(seen, look(at)) ? changed(`${at} was changed`) : "pending";
}

/** A path may change twice: then what a later step has put there came after this one. */
function swapState(step: Swap, { pathOf, steps }: StateContext): StepState {
  const path = pathOf(step.path);
  const now = stampOf(path);
  const ofPath = swapsByPath(steps).get(step.path)!;
  const at = ofPath.indexOf(step);
  if (ofPath.slice(at).some(({ to }) => sameStamp(now, to))) return "done";
  if (!ofPath.slice(0, at + 1).some(({ from }) => sameStamp(now, from))) return changed(`${path} was changed`);
  const staged = step.staged === undefined ? undefined : pathOf(step.staged);
  return staged === undefined || isThere(staged) ? "pending" : changed(`${staged} is not there any more`);
}

const swapsOf = new WeakMap<readonly Step[], ReadonlyMap<string, readonly Swap[]>>();

/** Looked at once: it is asked for each step. */
function swapsByPath(steps: readonly Step[]): ReadonlyMap<string, readonly Swap[]> {
  const known = swapsOf.get(steps);
  if (known) return known;
  const swaps = Map.groupBy(
    steps.filter((step) => step.do === "swap"),
    ({ path }) => path,
  );
  swapsOf.set(steps, swaps);
  return swaps;
}

function modeState({ path, from, to }: ChangeMode, { pathOf }: StateContext): StepState {
  const at = pathOf(path);
  const stat = lstatSync(osPath(at), { throwIfNoEntry: false });
  if (!stat) return changed(`${at} is not there any more`);
  const mode = stat.mode & 0o7777;
  if (mode === to) return "done";
  return mode === from ? "pending" : changed(`the mode of ${at} was changed`);
}

const changed = (reason: string): StepState => ({ changed: reason });
