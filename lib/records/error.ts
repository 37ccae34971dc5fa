// The one error that is meant for people: what went wrong, what to type next, and the exit code it means.

/** Exit codes; the severest of many items wins (70 > 6 > 5 > 4 > 2 > 3 > 1 > 0). See docs/exit-codes.md. */
export const EXIT = { ok: 0, found: 1, usage: 2, partial: 3, refused: 4, busy: 5, place: 6, bug: 70 } as const;
export type Exit = (typeof EXIT)[keyof typeof EXIT];

const SEVERITY: readonly Exit[] = [0, 1, 3, 2, 4, 5, 6, 70];

/** The severest of the given exit codes. */
export function severest(...codes: readonly Exit[]): Exit {
  return codes.reduce((worst, code) => (SEVERITY.indexOf(code) > SEVERITY.indexOf(worst) ? code : worst), EXIT.ok);
}

interface ToolErrorOptions {
  /** Stable and greppable: `E_` and upper case. */
  readonly code: `E_${string}`;
  readonly message: string;
  /** What to type or look at next. */
  readonly hint?: string | undefined;
  readonly exit: Exit;
  readonly cause?: unknown;
}

/** Thrown when a command cannot go on; anything else that is thrown is a bug (exit 70). */
export class ToolError extends Error {
  override readonly name = "ToolError";
  readonly code: `E_${string}`;
  readonly hint: string | undefined;
  readonly exit: Exit;

  constructor({ code, message, hint, exit, cause }: ToolErrorOptions) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.hint = hint;
    this.exit = exit;
  }
}

/** Usage (exit 2): unknown flag, bad value, malformed stdin, unknown or ambiguous id. Nothing was done. */
export const usageError = (message: string, hint?: string): ToolError =>
  new ToolError({ code: "E_USAGE", message, hint, exit: EXIT.usage });

/** Of one thing among many (exit 3): the others go on. `of` is the prefix that names the thing. */
export const asPartial = ({ code, message, hint, cause }: ToolError, of = ""): ToolError =>
  new ToolError({ code, message: of + message, hint, cause, exit: EXIT.partial });

/** Refused (exit 4): the whole command, before anything was done. */
export const refusal = (code: `E_${string}`, message: string, hint?: string): ToolError =>
  new ToolError({ code, message, hint, exit: EXIT.refused });

/** Source or target (exit 6): nothing of the named place could be read, or what was to be written could not be. */
export const placeError = (code: `E_${string}`, message: string, hint?: string, cause?: unknown): ToolError =>
  new ToolError({ code, message, hint, exit: EXIT.place, cause });
