// The rows of many sessions, read a few sessions at a time, in the order of the sessions.
import type { HomeCustody, LocalSession, RowSchema, SessionRows } from "../sources/custody.ts";

/** All at once would be most of what archiving holds in memory; one at a time, most of its time. */
const AT_ONCE = 32;
const BYTES_AT_ONCE = 16 << 20;

export class RowReader {
  readonly #custody: HomeCustody;
  #left: readonly LocalSession[];
  #schema: RowSchema | undefined;
  #read = new Map<string, SessionRows>();

  constructor(custody: HomeCustody, sessions: readonly LocalSession[]) {
    this.#custody = custody;
    this.#left = sessions;
  }

  /** Of each session once, in the order that they were given in. */
  read({ id }: LocalSession): { readonly rows: SessionRows; readonly schema: RowSchema } {
    if (!this.#read.has(id)) {
      const { schema, of } = this.#custody.rows(this.#next());
      this.#schema = schema;
      this.#read = new Map(of);
    }
    const rows = this.#read.get(id)!;
    this.#read.delete(id);
    return { rows, schema: this.#schema! };
  }

  #next(): string[] {
    let [count, bytes] = [0, 0];
    for (const session of this.#left) {
      if (count === AT_ONCE || (count > 0 && bytes >= BYTES_AT_ONCE)) break;
      bytes += hasOwnRows(session) ? session.bytes : 0;
      count++;
    }
    const ids = this.#left.slice(0, count).map(({ id }) => id);
    this.#left = this.#left.slice(count);
    return ids;
  }
}

/** Whether its rows are the session, and not a word about it. */
export const hasOwnRows = ({ rows }: LocalSession): boolean => Object.keys(rows).length > 0;
