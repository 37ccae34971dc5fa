// Where file systems are mounted: a mount point can be neither renamed nor removed, and no rename leads from one mount to another.
import { lstatSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { osPath } from "./os-path.ts";

export interface Mount {
  readonly path: string;
  readonly isReadOnly: boolean;
}

/** All mounts, the later over the earlier; [] where the system does not tell. */
export function listMounts(): readonly Mount[] {
  try {
    return readFileSync("/proc/self/mountinfo", "utf8").split("\n").flatMap(parseMount);
  } catch {
    return []; // no /proc: a rename that does not work says so itself
  }
}

function parseMount(line: string): Mount[] {
  const [, , , , path, options, ...rest] = line.split(" ");
  if (path === undefined) return [];
  const superOptions = rest.at(-1);
  const isReadOnly = [options, superOptions].some((text) => text?.split(",").includes("ro") === true);
  return [{ path: decodePath(path), isReadOnly }];
}

/** Blanks and backslashes are octal there. */
const decodePath = (path: string): string =>
  path.replaceAll(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));

/** The first mount that a directory is, or has below it. */
export const mountWithin = (path: string, mounts = listMounts()): Mount | undefined =>
  mounts.find((one) => one.path === path || one.path.startsWith(`${path}/`));

/** The mount that a path lies on; undefined where the system does not tell. */
export function mountOf(path: string, mounts = listMounts()): Mount | undefined {
  let found: Mount | undefined;
  for (const one of mounts) {
    const isAbove = one.path === "/" || path === one.path || path.startsWith(`${one.path}/`);
    if (isAbove && (found === undefined || one.path.length >= found.path.length)) found = one;
  }
  return found;
}

/** Whether a rename leads from one path to the other. What is not there yet lies where it would be made. */
export const isSameMount = (a: string, b: string, mounts = listMounts()): boolean =>
  deviceOf(a) === deviceOf(b) && mountOf(a, mounts)?.path === mountOf(b, mounts)?.path;

function deviceOf(path: string): number {
  for (let at = path; ; at = dirname(at)) {
    const stat = lstatSync(osPath(at), { throwIfNoEntry: false });
    if (stat || at === dirname(at)) return stat?.dev ?? 0;
  }
}
