// The steps of a journal that put restored paths in the place of those that are there.
import { isThere } from "../../journal/move.ts";
import type { Run } from "../../journal/run.ts";
import type { Location, Move } from "../../journal/steps.ts";
import { SIDECARS, type InPlacePlan, type PendingInstall } from "./plan-in-place.ts";

/** Below the run's directory: what is to be installed. */
export const STAGED = "new";

/**
 * One path after the other: a killed run leaves what is still recognizable as a home, and can be finished. A database goes with its
 * sidecars, whoever may have made them meanwhile: left beside another database they would damage it.
 */
export function inPlaceSteps({ installs, aside, kept = [] }: InPlacePlan, run: Run): Move[] {
  // By the home's own root, also where another root of it is the very same directory.
  const root = run.resolve("home:");
  const locate = (path: string): Location => `home:${path.slice(root.length + 1)}`;
  const remaining = new Set(aside);
  const replaced = installs.flatMap((install) => {
    const out = replacedPaths(install, remaining);
    for (const path of out) remaining.delete(path);
    const group = locate(install.to);
    return [
      ...out.map((path): Move => ({ ...asideStep(path, locate(path), run), displace: true, group })),
      { do: "move", from: `run:${STAGED}/${install.from}`, to: group, displace: true, group } satisfies Move,
    ];
  });
  const back = kept.map(({ path }): Move => ({ do: "move", from: trashed(locate(path)), to: locate(path) }));
  return [...replaced, ...[...remaining].map((path) => asideStep(path, locate(path), run)), ...back];
}

function replacedPaths({ to, isDatabase }: PendingInstall, aside: ReadonlySet<string>): string[] {
  const sidecars = SIDECARS.map((suffix) => to + suffix).filter((path) => isDatabase || aside.has(path));
  return [...sidecars, ...(aside.has(to) ? [to] : [])];
}

function asideStep(path: string, from: Location, run: Run): Move {
  return { do: "move", from, to: trashed(from), ...(isThere(path) && { seen: run.seen(path) }) };
}

const trashed = (location: Location): Location => `trash:${location.slice(location.indexOf(":") + 1)}`;
