// What a change has come to, looked at when it is done: what was to go is away, what was to come is there.
import { dirname } from "node:path";
import { isThere } from "./move.ts";
import type { Location, Step } from "./steps.ts";

/** A step that has not done what it was to do. */
export interface FailedStep {
  readonly step: Step;
  readonly reason: string;
}

/** Of a path that more than one step is about, the last one counts. */
export function failedSteps(steps: readonly Step[], pathOf: (location: Location) => string): FailedStep[] {
  const moves = steps.flatMap((step) => (step.do === "move" ? [{ from: pathOf(step.from), to: pathOf(step.to) }] : []));
  const filled = new Set(moves.flatMap(({ to }) => withParents(to)));
  const emptied = new Set(moves.map(({ from }) => from));
  return steps.flatMap((step): FailedStep[] => {
    if (step.do !== "move" && step.do !== "remove") return [];
    const from = pathOf(step.do === "move" ? step.from : step.path);
    if (!filled.has(from) && isThere(from)) return [{ step, reason: `${from} is still there` }];
    // What nobody has seen there, a sidecar that may come to be, need not have been there.
    const isExpected = step.do === "move" && (step.seen !== undefined || step.from.startsWith("run:"));
    const to = isExpected ? pathOf(step.to) : undefined;
    if (to === undefined || isThere(to) || withParents(to).some((path) => emptied.has(path))) return [];
    return [{ step, reason: `${to} is not there` }];
  });
}

function withParents(path: string): string[] {
  const all: string[] = [];
  for (let at = path; at !== "/" && at !== "."; at = dirname(at)) all.push(at);
  return all;
}
