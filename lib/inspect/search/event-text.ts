// The searchable text of an event: messages, thoughts, and input and output of tools.
import type { SearchField } from "../../policy/search-field.ts";
import type { AnyRecord } from "../../records/record.ts";

export function fieldOf(type: unknown): SearchField {
  const name = typeof type === "string" ? type : "";
  if (/thought|thinking/.test(name)) return "thought";
  return /tool|mcp/.test(name) ? "tool" : "text";
}

/** Keys whose values say who and when, not what; `raw` repeats the rest in another form. */
const METADATA_KEYS: ReadonlySet<string> = new Set([
  ..."schema type session_id turn_id id timestamp hook_event actor_kind actor_id raw signature tool_call_id".split(" "),
  ..."tool_use_id media_type data request_id".split(" "),
]);

/** The text of an event; "" where there is none. */
export function textOf({ content, msg }: AnyRecord): string {
  const texts: string[] = [];
  if (typeof msg === "string" && msg !== "") texts.push(msg);
  collectText(content, texts, 0);
  return texts.join("\n");
}

const MAX_DEPTH = 64;

function collectText(value: unknown, into: string[], depth: number): void {
  if (typeof value === "string") {
    if (value !== "" && !(into.length > 0 && into.at(-1) === value)) into.push(value);
  } else if (typeof value === "number" && depth > 0) into.push(String(value));
  else if (typeof value === "object" && value !== null && depth < MAX_DEPTH) {
    for (const [key, inner] of Object.entries(value)) {
      if (Array.isArray(value) || !METADATA_KEYS.has(key)) collectText(inner, into, depth + 1);
    }
  }
}
