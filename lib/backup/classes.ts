// Which classes of paths a backup takes: the defaults, what is asked for beside them, what is left out.
import { nearestWord } from "../policy/nearest-word.ts";
import { usageError } from "../records/error.ts";
import { DEFAULT_CLASSES, OPTIONAL_CLASSES } from "../sources/classes.ts";

export interface ClassChoice {
  readonly include: readonly string[];
  readonly exclude: readonly string[];
}

/** The classes to take, sorted; an unknown one is a usage error. */
export function classesOf({ include, exclude }: ClassChoice): readonly string[] {
  for (const name of [...include, ...exclude]) checkClass(name);
  const both = include.find((name) => exclude.includes(name));
  if (both) throw usageError(`${both} is both included and excluded`);
  return [...new Set([...DEFAULT_CLASSES, ...include])].filter((name) => !exclude.includes(name)).sort();
}

function checkClass(name: string): void {
  const known = [...DEFAULT_CLASSES, ...OPTIONAL_CLASSES].filter((each) => each !== "home");
  if ((known as string[]).includes(name)) return;
  const close = nearestWord(name, known);
  throw usageError(`class '${name}' does not exist`, close ? `did you mean ${close}?` : `one of ${known.join(", ")}`);
}

/** Why a class is not taken. */
export const notTaken = (of: string): string =>
  (OPTIONAL_CLASSES as readonly string[]).includes(of)
    ? `only on request: --include ${of}`
    : `left out: --exclude ${of}`;
