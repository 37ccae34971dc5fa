// Whether the sequences of a session's events are what AGH gives: each number once, none left out.
import type { DatabaseSync } from "node:sqlite";

export interface Sequence {
  readonly count: number;
  /** As text where no number holds it exactly. */
  readonly first: number | string | null;
  readonly last: number | string | null;
  /** Numbers between the first and the last that no event has. */
  readonly missing: number;
  /** Events that bear the number of another one, or none that is a whole number. */
  readonly surplus: number;
}

const SEQUENCE = `SELECT count(*) AS count, min(sequence) AS first, max(sequence) AS last,
  count(DISTINCT CASE WHEN typeof(sequence) = 'integer' THEN sequence END) AS numbers FROM events`;

export function readSequence(db: DatabaseSync): Sequence {
  const statement = db.prepare(SEQUENCE);
  statement.setReadBigInts(true);
  const { count, first, last, numbers } = statement.get() as Record<string, unknown>;
  const span = typeof first === "bigint" && typeof last === "bigint" ? last - first + 1n : 0n;
  return {
    count: Number(count),
    first: toSequence(first),
    last: toSequence(last),
    missing: Math.max(0, Number(span - (numbers as bigint))),
    surplus: Number(count) - Number(numbers),
  };
}

/** Of what is no whole number the type of its column makes text. */
const toSequence = (value: unknown): number | string | null => {
  if (value === null) return null;
  const number = Number(value);
  return Number.isSafeInteger(number) || typeof value === "number" ? number : String(value);
};
