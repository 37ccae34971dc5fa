// The journal file of a run: written before its first step, so that a killed run can be brought to its end or taken back.
import { decodeSealed, encodeSealed } from "../formats/sealed-json.ts";
import { resolveLocation, type Roots } from "./locations.ts";
import { fromFormat1, type Format1 } from "./format-1.ts";
import { locationsOf, type Location, type RowChange, type Step } from "./steps.ts";

export const JOURNAL_FORMAT = 2;
export const UNDO = "agh-reconcile undo";

export interface Journal {
  readonly format: number;
  /** ULID: the name of the run's directory. */
  readonly run: string;
  /** Command and verb that wrote it. */
  readonly tool: string;
  /** The random id of `home.json`; null in format 1. */
  readonly home: string | null;
  readonly home_id: string;
  /** `back` while the run is being undone. */
  readonly direction: "forward" | "back";
  /** Whether it is kept when it has come to its end, so that it can be undone. */
  readonly keep: boolean;
  readonly steps: readonly Step[];
  /** Rows of a runtime's own database, before and after. */
  readonly rows?: readonly RowChange[];
  /** Not all of it was done, or can be taken back: when it is undone, what is left of it goes to the trash. */
  readonly leaves?: true;
  /** Times of directories before the change, in nanoseconds; given back when it is undone. */
  readonly times?: { readonly [directory: Location]: string };
}

/** The command that a journal is of: an undo is one of its own. */
export const commandOf = ({ tool, direction }: Journal): string => (direction === "back" ? UNDO : tool);

/** A journal, or why it cannot be obeyed. */
export type ReadJournal = { readonly journal: Journal } | { readonly problem: string; readonly tool?: string };

/** The command that a journal is of; undefined where it does not tell. */
export const toolOf = (read: ReadJournal | undefined): string | undefined =>
  read && ("journal" in read ? commandOf(read.journal) : read.tool);

export const encodeJournal = (journal: Journal): Buffer => encodeSealed(journal).bytes;

/** `roots` are those of the home that the journal lies in: format 1 has absolute paths. */
export function decodeJournal(bytes: Buffer, run: string, roots: Roots): ReadJournal {
  const found = decode(bytes);
  if (!found) return { problem: "its journal is not as it was written" };
  const read = decodeFormat(found, run, roots);
  const { tool } = found;
  return "problem" in read && typeof tool === "string" ? { ...read, tool } : read;
}

function decodeFormat(found: Sealed, run: string, roots: Roots): ReadJournal {
  if (found["run"] !== run) return { problem: `its journal is of another run, ${JSON.stringify(found["run"])}` };
  if (found["format"] === 1) return fromFormat1(found as unknown as Format1, roots);
  if (found["format"] !== JOURNAL_FORMAT) {
    return { problem: `its journal has format ${JSON.stringify(found["format"])}, which this version does not know` };
  }
  const { digest: _, ...journal } = found;
  if (!isJournal(journal)) return { problem: "its journal lacks what every journal has" };
  const problem = locationProblem(journal, roots);
  return problem === undefined ? { journal } : { problem };
}

/** What a path has against it that this version would never have written. */
function locationProblem({ steps, times = {} }: Journal, roots: Roots): string | undefined {
  try {
    for (const location of [...steps.flatMap(locationsOf), ...Object.keys(times)]) resolveLocation(roots, location);
    return undefined;
  } catch (error) {
    return `its journal cannot be obeyed here: ${(error as Error).message}`;
  }
}

type Sealed = NonNullable<ReturnType<typeof decodeSealed>>;

function decode(bytes: Buffer): Sealed | undefined {
  try {
    return decodeSealed(bytes);
  } catch {
    return undefined; // a digest can be put under anything
  }
}

const DOES: ReadonlySet<unknown> = new Set<Step["do"]>([
  "insert-rows",
  "remove-rows",
  "move",
  "remove",
  "swap",
  "mode",
]);

function isJournal(found: object): found is Journal {
  const { tool, home, home_id, steps, direction, rows } = found as { readonly [name in keyof Journal]?: unknown };
  return (
    typeof tool === "string" &&
    typeof home === "string" &&
    typeof home_id === "string" &&
    (direction === "forward" || direction === "back") &&
    Array.isArray(steps) &&
    steps.every(isStep) &&
    (rows === undefined || (Array.isArray(rows) && rows.every((row) => typeof row === "object" && row !== null)))
  );
}

const isStep = (step: { readonly do?: unknown; readonly sessions?: unknown } | null): boolean =>
  DOES.has(step?.do) && (step!.do !== "remove-rows" || Array.isArray(step!.sessions));
