// The steps that lead back: what was put away is put in its place again.
import type { Step } from "./steps.ts";

/** Undefined for what cannot be taken back: rows that were inserted or removed, and what was removed for good. */
export function reverseStep(step: Step): Step | undefined {
  const group = "group" in step && step.group !== undefined ? { group: step.group } : {};
  switch (step.do) {
    case "move":
      return { do: "move", from: step.to, to: step.from, ...group };
    case "mode":
      return { ...step, from: step.to, to: step.from };
    case "swap": {
      const { path, from, to, kept, staged } = step;
      const turned = { do: "swap" as const, path, from: to, to: from, ...group };
      // What was staged is kept in turn, so that even the way back can be taken back while it is under way.
      return { ...turned, ...(kept !== undefined && { staged: kept }), ...(staged !== undefined && { kept: staged }) };
    }
    default:
      return undefined;
  }
}
