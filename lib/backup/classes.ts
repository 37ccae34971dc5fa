// Which classes of paths a backup takes: the defaults, what is asked for beside them, what is left out.
import { nearest } from "../policy/nearest.ts";
import { usageError } from "../records/error.ts";
import { BY_DEFAULT, ON_REQUEST } from "../sources/agh/coverage.ts";

export interface ClassChoice {
  readonly include: readonly string[];
  readonly exclude: readonly string[];
}

/** The classes to take, sorted; an unknown one is a usage error. */
export function classesOf({ include, exclude }: ClassChoice): readonly string[] {
  for (const name of [...include, ...exclude]) checkClass(name);
  const both = include.find((name) => exclude.includes(name));
  if (both) throw usageError(`${both} is both included and excluded`);
  return [...new Set([...BY_DEFAULT, ...include])].filter((name) => !exclude.includes(name)).sort();
}

function checkClass(name: string): void {
  const known = [...BY_DEFAULT, ...ON_REQUEST].filter((each) => each !== "home");
  if ((known as string[]).includes(name)) return;
  const close = nearest(name, known);
  throw usageError(`there is no class '${name}'`, close ? `did you mean ${close}?` : `one of ${known.join(", ")}`);
}

/** Why a class is not taken. */
export const notTaken = (of: string): string =>
  (ON_REQUEST as readonly string[]).includes(of) ? `only on request: --include ${of}` : `left out: --exclude ${of}`;
