// The record kinds as JSON Schema, with the runtimes that are known now.
import { KINDS } from "../records/kinds.ts";
import { jsonSchema, type JsonSchema } from "../records/shape.ts";
import { runtimeNames } from "../sources/runtimes.ts";

export const recordKinds = (): string[] => [...KINDS.keys()];

/** The JSON Schema (2020-12) of a record kind; undefined for a word that is none. */
export function recordSchema(kind: string): JsonSchema | undefined {
  const found = KINDS.get(kind);
  return found && jsonSchema(found, runtimeNames());
}
