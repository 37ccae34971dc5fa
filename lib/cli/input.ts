// Stdin as a verb sees it: read only when an operand `-` asks for it, and whole before anything is done.
import { usageError } from "../records/error.ts";
import { readSelection, type Selection } from "../records/read-selection.ts";

export interface Input {
  /** What the operands name; `-` among them reads stdin. */
  selection(operands: readonly string[], acts: readonly string[], nul?: boolean): Promise<Selection>;
  /** Stdin's bytes, for verbs that read an artefact. */
  readonly stdin: AsyncIterable<Uint8Array>;
}

export interface Stdin extends AsyncIterable<Uint8Array> {
  readonly isTTY?: boolean;
}

/** `io.stdin` is touched only when it is wanted: merely looking at process.stdin opens it. */
export const inputFrom = (io: { readonly stdin: Stdin }): Input => ({
  get stdin() {
    return io.stdin;
  },
  async selection(operands, acts, nul = false) {
    const ids = operands.filter((operand) => operand !== "-");
    if (ids.length === operands.length) return { records: [], ids, others: [] };
    if (operands.length - ids.length > 1) throw usageError("'-' is given twice", "stdin can be read once");
    const { stdin } = io;
    if (stdin.isTTY) throw usageError("'-' reads records from a pipe, but stdin is a terminal");
    const read = await readSelection(stdin, { acts, nul });
    return { ...read, ids: [...ids, ...read.ids] };
  },
});
