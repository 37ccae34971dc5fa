// Whether the sequences of a session's events are what AGH gives: each number once, none left out.
import type { DatabaseSync } from "node:sqlite";

export interface Sequence {
  readonly count: number;
  readonly first: number | null;
  readonly last: number | null;
  /** Numbers between the first and the last that no event has. */
  readonly missing: number;
  /** Events that bear the number of another one, or none that is a whole number. */
  readonly surplus: number;
}

const SEQUENCE = `SELECT count(*) AS count, min(sequence) AS first, max(sequence) AS last,
  count(DISTINCT CASE WHEN typeof(sequence) = 'integer' THEN sequence END) AS numbers FROM events`;

export function readSequence(db: DatabaseSync): Sequence {
  const { count, first, last, numbers } = db.prepare(SEQUENCE).get() as Record<string, number | null>;
  const span = typeof first === "number" && typeof last === "number" ? last - first + 1 : 0;
  return {
    count: count ?? 0,
    first: first ?? null,
    last: last ?? null,
    missing: Math.max(0, span - (numbers ?? 0)),
    surplus: (count ?? 0) - (numbers ?? 0),
  };
}
