// Takes the steps of a journal, and turns them round: every file is the old one or the new one at any moment.
import { chmodSync, linkSync, lstatSync, mkdirSync, renameSync, unlinkSync, utimesSync } from "node:fs";
import { dirname } from "node:path";
import { fsyncDir } from "../files/atomic.ts";
import { osPath } from "../files/os-path.ts";
import { fileTrouble } from "../files/trouble.ts";
import type { Stamp, Step } from "../formats/journal.ts";
import { refusal } from "../records/error.ts";

type Swap = Step & { readonly do: "swap" };
type Mode = Step & { readonly do: "mode" };
export type OwnStep = Swap | Mode;

/** Null where there is nothing. */
export function stampOf(path: string): Stamp | null {
  const stat = lstatSync(osPath(path), { bigint: true, throwIfNoEntry: false });
  return stat ? { ino: String(stat.ino), size: Number(stat.size), mtime_ns: String(stat.mtimeNs) } : null;
}

const same = (a: Stamp | null, b: Stamp | null): boolean =>
  a === b || (a !== null && b !== null && a.ino === b.ino && a.size === b.size && a.mtime_ns === b.mtime_ns);

/** Each may have been taken before. Durable when it returns. Throws E_DRIFTED (4) where something else has come. */
export function takeSteps(steps: readonly OwnStep[]): void {
  const touched = new Set<string>();
  const ofPath = Map.groupBy(steps.filter(isSwap), ({ path }) => path);
  for (const step of steps) {
    try {
      if (step.do === "mode") takeMode(step);
      else if (!isTaken(step, ofPath.get(step.path)!)) takeSwap(step, touched);
    } catch (error) {
      throw fileTrouble(step.path, "change", error);
    }
  }
  for (const dir of touched) if (lstatSync(osPath(dir), { throwIfNoEntry: false })) fsyncDir(dir);
}

const isSwap = (step: OwnStep): step is Swap => step.do === "swap";

/** A path may change twice: then what a later step has put there came after this one. */
function isTaken(step: Swap, all: readonly Swap[]): boolean {
  const now = stampOf(step.path);
  return all.slice(all.indexOf(step)).some(({ to }) => same(now, to));
}

function takeSwap({ path, from, to, staged, kept }: Swap, touched: Set<string>): void {
  if (!same(stampOf(path), from)) throw drifted(path);
  touched.add(dirname(path));
  if (kept !== undefined && from && !stampOf(kept)) {
    mkdirSync(osPath(dirname(kept)), { recursive: true, mode: 0o700 });
    linkSync(osPath(path), osPath(kept));
    fsyncDir(dirname(kept));
  }
  if (to) renameSync(osPath(staged!), osPath(path));
  else unlinkSync(osPath(path));
}

function takeMode({ path, from, to }: Mode): void {
  const mode = lstatSync(osPath(path)).mode & 0o7777;
  if (mode === to) return;
  if (mode !== from) throw drifted(path);
  chmodSync(osPath(path), to);
}

/** The steps that lead back; what was put away is put in its place again. */
export function reversed(steps: readonly OwnStep[]): OwnStep[] {
  return steps.toReversed().map((step) => {
    const { from, to } = step;
    if (step.do === "mode") return { ...step, from: to as number, to: from as number };
    const turned = { do: "swap" as const, path: step.path, from: to as Stamp | null, to: from as Stamp | null };
    return step.kept === undefined ? turned : { ...turned, staged: step.kept };
  });
}

/** Whether every path is as it was before a step, or after it: then the steps can be taken, or turned round. */
export function assertUntouched(steps: readonly OwnStep[]): void {
  for (const [path, all] of Map.groupBy(steps, (step) => step.path)) {
    const swaps = all.filter(isSwap);
    const now = stampOf(path);
    if (swaps.length > 0 && !swaps.some(({ from, to }) => same(now, from) || same(now, to))) throw drifted(path);
  }
}

/** Directories' times, to the microsecond. */
export function giveTimes(times: { readonly [directory: string]: string }): void {
  for (const [dir, ns] of Object.entries(times)) {
    const at = BigInt(ns) % 1_000_000_000n === 0n ? Number(ns) / 1e9 : (Number(BigInt(ns) / 1000n) + 0.5) / 1e6;
    if (lstatSync(osPath(dir), { throwIfNoEntry: false })) utimesSync(osPath(dir), at, at);
  }
}

const drifted = (path: string): Error =>
  refusal("E_DRIFTED", `${path} was changed by somebody else meanwhile`, "agh-reconcile check tells how it is now");
