// The verb `schema`, which every tool has: the JSON Schema of the records it prints.
import { usageError } from "../records/error.ts";
import { Artefact } from "../records/record.ts";
import { optionalOperand } from "./flags.ts";
import { nearestWord } from "../policy/nearest-word.ts";
import { verb } from "./verb.ts";

/** `schema` lists the kinds, `schema KIND` prints one. */
export const schemaVerb = verb({
  summary: "the JSON Schema of a record kind; without KIND the names of all",
  flags: { recordKind: optionalOperand("KIND", "A record kind, such as session") },
  examples: ["agh-inspect schema session | jq .properties.effective"],
  prints: ["artefact"],
  run: async ({ values }) => [new Artefact(await schemaText(values.recordKind))],
});

async function schemaText(name: string | undefined): Promise<string> {
  const [{ KINDS }, { jsonSchema }, { runtimeNames }] = await Promise.all([
    import("../records/kinds.ts"),
    import("../records/shape.ts"),
    import("../sources/runtimes.ts"),
  ]);
  if (name === undefined) return [...KINDS.keys(), ""].join("\n");
  const kind = KINDS.get(name);
  if (!kind) {
    const close = nearestWord(name, KINDS.keys());
    throw usageError(`record kind '${name}' does not exist`, close ? `did you mean ${close}?` : "`schema` lists them");
  }
  return `${JSON.stringify(jsonSchema(kind, runtimeNames()), null, 2)}\n`;
}
