// Executes the steps of a journal, and reverses them: every file is the old one or the new one at any moment.
import { chmodSync, linkSync, lstatSync, mkdirSync, renameSync, unlinkSync, utimesSync } from "node:fs";
import { dirname } from "node:path";
import { fsyncDir } from "../files/atomic.ts";
import { osPath } from "../files/os-path.ts";
import { toFileError } from "../files/errors.ts";
import type { Stamp, Step } from "../formats/journal.ts";
import { refusal } from "../records/error.ts";

type SwapStep = Step & { readonly do: "swap" };
type ModeStep = Step & { readonly do: "mode" };
export type FileStep = SwapStep | ModeStep;

/** Null where there is nothing. */
export function statStamp(path: string): Stamp | null {
  const stat = lstatSync(osPath(path), { bigint: true, throwIfNoEntry: false });
  return stat ? { ino: String(stat.ino), size: Number(stat.size), mtime_ns: String(stat.mtimeNs) } : null;
}

const isSameStamp = (a: Stamp | null, b: Stamp | null): boolean =>
  a === b || (a !== null && b !== null && a.ino === b.ino && a.size === b.size && a.mtime_ns === b.mtime_ns);

/** Each may have been taken before. Durable when it returns. Throws E_DRIFTED (4) where something else has come. */
export function executeSteps(steps: readonly FileStep[]): void {
  const touched = new Set<string>();
  const swapsByPath = Map.groupBy(steps.filter(isSwap), ({ path }) => path);
  for (const step of steps) {
    try {
      if (step.do === "mode") executeMode(step);
      else if (!isExecuted(step, swapsByPath.get(step.path)!)) executeSwap(step, touched);
    } catch (error) {
      throw toFileError(step.path, "change", error);
    }
  }
  for (const dir of touched) if (lstatSync(osPath(dir), { throwIfNoEntry: false })) fsyncDir(dir);
}

const isSwap = (step: FileStep): step is SwapStep => step.do === "swap";

/** A path may change twice: then what a later step has put there came after this one. */
function isExecuted(step: SwapStep, all: readonly SwapStep[]): boolean {
  const now = statStamp(step.path);
  return all.slice(all.indexOf(step)).some(({ to }) => isSameStamp(now, to));
}

function executeSwap({ path, from, to, staged, kept }: SwapStep, touched: Set<string>): void {
  if (!isSameStamp(statStamp(path), from)) throw drifted(path);
  touched.add(dirname(path));
  if (kept !== undefined && from && !statStamp(kept)) {
    mkdirSync(osPath(dirname(kept)), { recursive: true, mode: 0o700 });
    linkSync(osPath(path), osPath(kept));
    fsyncDir(dirname(kept));
  }
  if (to) renameSync(osPath(staged!), osPath(path));
  else unlinkSync(osPath(path));
}

function executeMode({ path, from, to }: ModeStep): void {
  const mode = lstatSync(osPath(path)).mode & 0o7777;
  if (mode === to) return;
  if (mode !== from) throw drifted(path);
  chmodSync(osPath(path), to);
}

/** The steps that lead back; what was put away is put in its place again. */
export function reverseSteps(steps: readonly FileStep[]): FileStep[] {
  return steps.toReversed().map((step) => {
    const { from, to } = step;
    if (step.do === "mode") return { ...step, from: to as number, to: from as number };
    const turned = { do: "swap" as const, path: step.path, from: to as Stamp | null, to: from as Stamp | null };
    return step.kept === undefined ? turned : { ...turned, staged: step.kept };
  });
}

/** Whether every path is as it was before a step, or after it: then the steps can be taken, or turned round. */
export function assertNotDrifted(steps: readonly FileStep[]): void {
  for (const [path, all] of Map.groupBy(steps, (step) => step.path)) {
    const swaps = all.filter(isSwap);
    const now = statStamp(path);
    if (swaps.length > 0 && !swaps.some(({ from, to }) => isSameStamp(now, from) || isSameStamp(now, to)))
      throw drifted(path);
  }
}

/** Directories' times, to the microsecond. */
export function restoreTimes(times: { readonly [directory: string]: string }): void {
  for (const [dir, ns] of Object.entries(times)) {
    const at = BigInt(ns) % 1_000_000_000n === 0n ? Number(ns) / 1e9 : (Number(BigInt(ns) / 1000n) + 0.5) / 1e6;
    if (lstatSync(osPath(dir), { throwIfNoEntry: false })) utimesSync(osPath(dir), at, at);
  }
}

const drifted = (path: string): Error =>
  refusal("E_DRIFTED", `${path} was changed by somebody else meanwhile`, "agh-reconcile check shows its present state");
