// Puts one file in the place of another: at any moment the path is the old file or the new one.
import { chmodSync, linkSync, lstatSync, mkdirSync, renameSync, unlinkSync } from "node:fs";
import { dirname } from "node:path";
import { fsyncDir } from "../files/atomic.ts";
import { osPath } from "../files/os-path.ts";
import { refusal, type ToolError } from "../records/error.ts";
import { sameStamp, stampOf } from "./stamps.ts";
import type { ChangeMode, Swap } from "./steps.ts";

export interface SwapPaths {
  readonly path: string;
  readonly staged: string | undefined;
  readonly kept: string | undefined;
}

export function swapFile({ from, to }: Swap, { path, staged, kept }: SwapPaths, touched: Set<string>): void {
  if (!sameStamp(stampOf(path), from)) throw drifted(path);
  touched.add(dirname(path));
  if (kept !== undefined && from && !stampOf(kept)) {
    mkdirSync(osPath(dirname(kept)), { recursive: true, mode: 0o700 });
    linkSync(osPath(path), osPath(kept));
    fsyncDir(dirname(kept));
  }
  if (to) renameSync(osPath(staged!), osPath(path));
  else unlinkSync(osPath(path));
}

export function changeMode({ from, to }: ChangeMode, path: string): void {
  const mode = lstatSync(osPath(path)).mode & 0o7777;
  if (mode === to) return;
  if (mode !== from) throw drifted(path);
  chmodSync(osPath(path), to);
}

export const drifted = (path: string): ToolError =>
  refusal("E_DRIFTED", `${path} was changed by somebody else meanwhile`, "agh-reconcile check shows how it is now");
