// Which classes of paths a backup takes: the defaults, what is asked for beside them, what is left out.
import { REPOSITORY_FORMAT } from "../formats/repository/manifest.ts";
import { nearestWord } from "../policy/nearest-word.ts";
import { usageError } from "../records/error.ts";
import { DEFAULT_CLASSES, OPTIONAL_CLASSES } from "../sources/classes.ts";
import type { Source } from "../sources/source.ts";

export interface ClassChoice {
  readonly include: readonly string[];
  readonly exclude: readonly string[];
}

/** An unknown class is a usage error, and one that is both included and excluded. */
export function assertClasses({ include, exclude }: ClassChoice): void {
  for (const name of [...include, ...exclude]) assertClass(name);
  const both = include.find((name) => exclude.includes(name));
  if (both) throw usageError(`${both} is both included and excluded`);
}

/** The classes to take of a home, sorted. In a repository of format 1 transcripts are a part of `providers`. */
export function classesOf(
  { include, exclude }: ClassChoice,
  { defaultClasses = [] }: Pick<Source, "defaultClasses">,
  format = REPOSITORY_FORMAT,
): readonly string[] {
  const usual = [...DEFAULT_CLASSES, ...defaultClasses].filter(
    (name) => name !== "transcripts" || format > 1 || include.includes("providers"),
  );
  return [...new Set([...usual, ...include])].filter((name) => !exclude.includes(name)).sort();
}

function assertClass(name: string): void {
  const known = [...DEFAULT_CLASSES, ...OPTIONAL_CLASSES].filter((each) => each !== "home");
  if ((known as string[]).includes(name)) return;
  const close = nearestWord(name, known);
  throw usageError(`class '${name}' does not exist`, close ? `did you mean ${close}?` : `one of ${known.join(", ")}`);
}

/** Why a class is not taken. */
export const notTaken = (of: string, { defaultClasses = [] }: Pick<Source, "defaultClasses">): string =>
  (OPTIONAL_CLASSES as readonly string[]).includes(of) && !defaultClasses.includes(of)
    ? `only on request: --include ${of}`
    : `left out: --exclude ${of}`;
