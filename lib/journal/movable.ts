// Before the first change it is known that all that is to be renamed can be.
import { readFileSync } from "node:fs";
import { refusal } from "../records/error.ts";
import { resolveLocation, type Roots } from "./locations.ts";
import type { Step } from "./steps.ts";

/** Throws E_MOUNT_POINT (4) where a step moves, or removes as a tree, what cannot be moved. */
export function assertMovable(steps: readonly Step[], roots: Roots): void {
  const moved = steps.flatMap((step) => {
    if (step.do === "remove") return step.files ? [step.path] : [];
    return step.do === "move" ? [step.from, ...(step.displace ? [step.to] : [])] : [];
  });
  assertPathsMovable(moved.map((location) => resolveLocation(roots, location)));
}

/** Throws E_MOUNT_POINT (4) for a directory that is a mount point, or has one below it: it cannot be renamed, nor removed. */
export function assertPathsMovable(paths: readonly string[]): void {
  const mounts = paths.length > 0 ? mountPoints() : [];
  if (mounts.length === 0) return;
  for (const path of paths) {
    const mount = mounts.find((one) => one === path || one.startsWith(`${path}/`));
    if (mount !== undefined) throw mountPoint(path, mount);
  }
}

const mountPoint = (path: string, mount: string): Error =>
  refusal(
    "E_MOUNT_POINT",
    `${path} cannot be moved: ${mount === path ? "it is a mount point" : `${mount} is mounted below it`}`,
    "name sessions one by one, or unmount it first",
  );

/** Paths of all mounts, where the system tells them. */
function mountPoints(): string[] {
  try {
    return readFileSync("/proc/self/mountinfo", "utf8")
      .split("\n")
      .flatMap((line) => line.split(" ")[4] ?? [])
      .map((path) =>
        path.replaceAll(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8))),
      );
  } catch {
    return []; // no /proc: a rename that does not work says so itself
  }
}
