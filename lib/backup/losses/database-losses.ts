// What is wrong with one database of a snapshot against what it was, and how that is told.
import type { DatabaseLine, ListingLine } from "../../formats/repository/listing.ts";
import type { Suspicion } from "../../formats/repository/manifest.ts";
import type { KnownSession } from "../../sources/losses.ts";

export const placeOf = ({ root, path }: Pick<ListingLine, "root" | "path">): string =>
  path === "" ? root : `${root}/${path}`;

export const factsOf = ({ rows, last_sequence, born }: DatabaseLine): Omit<KnownSession, "id"> => ({
  events: rows?.["events"],
  last: last_sequence,
  born,
});

export const evidenceOf = (database: DatabaseLine | undefined): { readonly [key: string]: unknown } =>
  database
    ? {
        ...(database.rows && { rows: database.rows }),
        ...(database.last_sequence !== null && { last_sequence: database.last_sequence }),
        ...(database.pages !== null && { pages: database.pages }),
      }
    : {};

export const destroyed = (
  session: string | undefined,
  line: Pick<ListingLine, "root" | "path">,
  problem: string,
  evidence: Suspicion["evidence"],
): Suspicion => ({
  code: "DATABASE_DESTROYED",
  ...(session !== undefined && { id: session }),
  path: placeOf(line),
  message: `${placeOf(line)} ${problem}`,
  evidence,
});

export const shrunk = (
  session: string,
  line: Pick<ListingLine, "root" | "path">,
  problem: string,
  evidence: Suspicion["evidence"],
): Suspicion => ({
  code: "SESSION_SHRUNK",
  id: session,
  path: placeOf(line),
  message: `${placeOf(line)} ${problem}`,
  evidence,
});

/** Tables that are missing, or the marks of another database. */
export function structureProblem(
  then: DatabaseLine,
  now: DatabaseLine,
  counted: { readonly keepsTables?: true } | undefined,
): string | undefined {
  const missing = (then.tables ?? []).filter((name) => !now.tables!.includes(name));
  const isBare = missing.length > 0 && now.tables!.length === 0;
  if (isBare || (counted?.keepsTables && missing.length > 0)) {
    return `lacks the ${missing.length === 1 ? "table" : "tables"} ${missing.join(", ")}`;
  }
  if (then.born !== undefined && now.born !== undefined && then.born !== now.born) {
    return `is another database: it was made at ${now.born}, not at ${then.born}`;
  }
  if (then.first !== undefined && now.first !== undefined && then.first !== now.first) {
    return `is another database: its first row is ${now.first}, not ${then.first}`;
  }
  if ((now.issued ?? 0) < (then.issued ?? 0)) {
    return `is an earlier or another database: its rows are numbered up to ${now.issued ?? 0}, not ${then.issued}`;
  }
  return undefined;
}

/** Rows that are missing: of any table against then, or of the numbers up to the last. */
export function eventsProblem(now: DatabaseLine, then: DatabaseLine | undefined): string | undefined {
  for (const [table, before] of Object.entries(then?.rows ?? {})) {
    const rows = now.rows?.[table] ?? 0;
    if (rows < before) return `has ${rows} rows in table ${table}; it had ${before}`;
  }
  const [last, before] = [now.last_sequence ?? 0, then?.last_sequence ?? 0];
  if (last < before) return `ends with event ${last}; it ended with ${before}`;
  const [missing, known] = [last - (now.rows?.["events"] ?? last), before - (then?.rows?.["events"] ?? before)];
  if (missing <= Math.max(known, 0)) return undefined;
  return `has ${now.rows!["events"]} events, although the last one is number ${last}`;
}
