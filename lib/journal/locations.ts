// Locations of a journal and the paths that they are here: always below one of the home's roots, never through a link.
import { lstatSync } from "node:fs";
import { dirname } from "node:path";
import { joinPath, osPath } from "../files/os-path.ts";
import { refusal } from "../records/error.ts";
import type { JournalHome } from "./journal-home.ts";
import { locationsOf, type Location, type Step } from "./steps.ts";

export const toolkitDir = (root: string): string => joinPath(root, ".agh-toolkit");
export const journalsDir = (root: string): string => joinPath(toolkitDir(root), "journal");
export const runDir = (root: string, run: string): string => joinPath(journalsDir(root), run);
export const trashDir = (root: string): string => joinPath(toolkitDir(root), "trash");

/** Where the roots that a run's locations begin with lie. The longest that holds a path names it. */
export type Roots = ReadonlyMap<string, string>;

/** `staging` stands in for the run's directory while its files are made elsewhere. */
export function rootsOf(home: Pick<JournalHome, "root" | "roots">, run: string, staging?: string): Roots {
  return new Map([
    ["run", staging ?? runDir(home.root, run)],
    ["trash", joinPath(trashDir(home.root), run)],
    ["home", home.root],
    ...home.roots,
  ]);
}

/** The location of an absolute path. Throws where it lies below no root: a defect of whoever made the step. */
export function locate(roots: Roots, path: string): Location {
  let best: { readonly name: string; readonly dir: string } | undefined;
  for (const [name, dir] of roots) {
    const isBelow = path === dir || path.startsWith(`${dir}/`);
    if (isBelow && (best === undefined || dir.length > best.dir.length)) best = { name, dir };
  }
  if (!best) throw new Error(`${path} lies below no root of the home`);
  return `${best.name}:${path.slice(best.dir.length + 1)}`;
}

/** The path of a location. Throws E_JOURNAL_PATH (4) for an unknown root and for a path that could leave it. */
export function resolveLocation(roots: Roots, location: Location): string {
  const at = location.lastIndexOf(":", rootEnd(location));
  const [name, path] = [location.slice(0, at), location.slice(at + 1)];
  const dir = at < 0 ? undefined : roots.get(name);
  if (dir === undefined) throw badPath(location, "it names no root of this home");
  const parts = path.split("/");
  if ((path !== "" && parts.some((part) => part === "" || part === "." || part === "..")) || path.includes("\0")) {
    throw badPath(location, "it could lead out of the home");
  }
  return path === "" ? dir : joinPath(dir, path);
}

/** The path of a location without its root. */
export const pathWithin = (location: Location): string => location.slice(rootEnd(location) + 1);

/** Names of roots have no colon; paths may. */
const rootEnd = (location: string): number => location.indexOf(":");

/** Throws E_LINK_IN_PATH (4) where a directory between a root and what a step changes is a link, or is not a directory. */
export function assertNoLinksIn(steps: readonly Step[], roots: Roots): void {
  const checked = new Set<string>();
  for (const step of steps) for (const location of locationsOf(step)) assertNoLinks(roots, location, checked);
}

/** Throws E_LINK_IN_PATH (4) where a step would put away or replace a link and leave what it leads to as it is. */
export function assertNoLinkTaken(steps: readonly Step[], roots: Roots): void {
  for (const step of steps) {
    if (step.do === "insert-rows" || step.do === "remove-rows") continue;
    const location = step.do === "move" ? step.from : step.path;
    if (/^(?:run|trash):/.test(location)) continue;
    const path = resolveLocation(roots, location);
    if (lstatSync(osPath(path), { throwIfNoEntry: false })?.isSymbolicLink()) throw linkInPath(path, true);
  }
}

/** The same for one location; directories that were looked at are passed over. */
export function assertNoLinks(roots: Roots, location: Location, checked = new Set<string>()): void {
  const dir = roots.get(location.slice(0, rootEnd(location)));
  let above = dirname(resolveLocation(roots, location));
  // The toolkit's own directories lie below the home: they are walked from there.
  const from = dir!.startsWith(`${roots.get("home")!}/`) ? roots.get("home")! : dir!;
  for (; above.length > from.length && !checked.has(above); above = dirname(above)) {
    checked.add(above);
    const stat = lstatSync(osPath(above), { throwIfNoEntry: false });
    if (stat && !stat.isDirectory()) throw linkInPath(above, stat.isSymbolicLink());
  }
}

const linkInPath = (path: string, isLink: boolean): Error =>
  refusal(
    "E_LINK_IN_PATH",
    isLink ? `${path} is a symbolic link` : `${path} is not a directory`,
    "agh-toolkit changes nothing through a link: replace it with the directory itself, or a mount",
  );

const badPath = (location: Location, why: string): Error =>
  refusal("E_JOURNAL_PATH", `a journal names ${JSON.stringify(location.slice(0, 200))}: ${why}`);
