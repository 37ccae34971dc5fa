// The home that is meant when none is named, and those that may be found without being named.
import type { Deps } from "../records/deps.ts";
import type { DefaultRoot } from "../sources/source.ts";
import { selectRuntimes, findRuntime, type PlaceOptions } from "./detect-source.ts";

type Outside = Pick<Deps, "env" | "platform">;
type Runtime = PlaceOptions["runtime"];

/**
 * The directory that is read when `--home` names none, and what says so: the runtime's own default, else AGH's. What the
 * environment names counts also where nothing lies there.
 */
export function defaultHome(deps: Outside, runtime?: Runtime): DefaultRoot {
  const [first] = selectRuntimes(runtime);
  const roots = first!.defaultRoots(deps);
  const likely = roots.filter(({ label }) => label === roots[0]!.label);
  return likely.find(({ dir }) => findRuntime(dir, [first!])) ?? roots[0]!;
}

/** Every place where a home of these runtimes may lie, each once. */
export function defaultHomes(deps: Outside, runtime?: Runtime): { readonly dir: string; readonly runtime: Runtime }[] {
  const found = new Map<string, Runtime>();
  for (const one of selectRuntimes(runtime)) {
    for (const { dir } of one.defaultRoots(deps)) if (!found.has(dir)) found.set(dir, one.runtime);
  }
  return [...found].map(([dir, of]) => ({ dir, runtime: of }));
}
