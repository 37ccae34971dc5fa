// What in a session can be searched.
import { usageError } from "../records/error.ts";

export const SEARCH_FIELDS = ["text", "tool", "thought"] as const;
export type SearchField = (typeof SEARCH_FIELDS)[number];

/** AGH writes what an agent says and thinks piece by piece: the types of the pieces, and what each is searched as. */
export const CHUNK_FIELDS: ReadonlyMap<string, SearchField> = new Map([
  ["agent_message", "text"],
  ["thought", "thought"],
]);

/** Throws (2) for another word. */
export function parseSearchField(text: string): SearchField {
  const found = SEARCH_FIELDS.find((name) => name === text);
  if (found) return found;
  throw usageError(`'${text}' is not a field that can be searched`, `one of ${SEARCH_FIELDS.join(", ")}`);
}
