// Before the first change it is known that all that is to be renamed, replaced or removed can be.
import { dirname } from "node:path";
import { isSameMount, listMounts, mountOf, mountWithin, type Mount } from "../files/mounts.ts";
import { refusal, type ToolError } from "../records/error.ts";
import { resolveLocation, type Roots } from "./locations.ts";
import type { Location, Step } from "./steps.ts";

/**
 * Throws (4) before anything is changed: E_MOUNT_POINT where a step moves, replaces or removes a mount point, or a tree with one in it;
 * E_READ_ONLY where a mount takes no changes; E_OTHER_MOUNT where a file would be swapped for one that lies on another mount. What is
 * moved from one mount to another is copied, compared, and then removed.
 */
export function assertMovable(steps: readonly Step[], roots: Roots): void {
  const mounts = listMounts();
  const pathOf = (location: Location): string => resolveLocation(roots, location);
  assertNoMounts(steps.flatMap(takenBy).map(pathOf), mounts);
  for (const step of steps) {
    for (const location of changedBy(step)) assertWritable(pathOf(location), mounts);
    if (step.do === "swap") {
      for (const other of [step.staged, step.kept]) {
        if (other !== undefined && step.from !== null) assertSameMount(pathOf(step.path), pathOf(other), mounts);
      }
    }
  }
}

/** The same for paths that are moved away, or whose place is taken. */
export function assertPathsMovable(paths: readonly string[]): void {
  const mounts = listMounts();
  assertNoMounts(paths, mounts);
  for (const path of paths) assertWritable(path, mounts);
}

/** What leaves its place, or gives it up for something else. */
function takenBy(step: Step): Location[] {
  switch (step.do) {
    case "move":
      return [step.from, ...(step.displace || step.replace ? [step.to] : [])];
    case "remove":
    case "swap":
      return [step.path];
    default:
      return [];
  }
}

function changedBy(step: Step): Location[] {
  switch (step.do) {
    case "move":
      return [step.from, step.to];
    case "remove":
    case "swap":
    case "mode":
      return [step.path];
    default:
      return [];
  }
}

function assertNoMounts(paths: readonly string[], mounts: readonly Mount[]): void {
  for (const path of paths) {
    const mount = mountWithin(path, mounts);
    if (mount) throw mountPoint(path, mount);
  }
}

function assertWritable(path: string, mounts: readonly Mount[]): void {
  const mount = mountOf(path, mounts);
  if (!mount?.isReadOnly) return;
  throw refusal("E_READ_ONLY", `${path} cannot be changed: ${mount.path} is mounted read-only`, `mount it for writing`);
}

function assertSameMount(path: string, other: string, mounts: readonly Mount[]): void {
  if (isSameMount(path, other, mounts)) return;
  const [own, its] = [mountOf(path, mounts)?.path ?? "", mountOf(other, mounts)?.path ?? ""];
  const between = own.length >= its.length ? own : its;
  throw refusal(
    "E_OTHER_MOUNT",
    `${path} cannot be replaced: no file can be moved between it and ${dirname(other)}, since ${between} is a mount point`,
    "unmount it, and put its content in its place",
  );
}

const mountPoint = (path: string, { path: mount }: Mount): ToolError =>
  refusal(
    "E_MOUNT_POINT",
    `${path} cannot be moved or replaced: ${mount === path ? "it is a mount point" : `${mount} is mounted below it`}`,
    "unmount it, and put its content in its place",
  );
