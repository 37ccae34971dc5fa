// The types of records written out, each key with what it is: what an editor shows of them.
import { globSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { KINDS } from "../../lib/records/kinds.ts";
import type { JsonSchema } from "../../lib/records/shape.ts";

/** Writes out each `RecordOf` in what tsc has declared below `dir`. Not as interfaces: those would be no `AnyRecord`. */
export function writeOutRecords(dir: string): (text: string) => string {
  const kinds = kindNames(resolve(dir, "lib/records"));
  return (text) =>
    text.replace(/export type (\w+) = RecordOf<typeof (\w+)>;/g, (whole, name: string, constant: string) => {
      const kind = KINDS.get(kinds.get(constant) ?? "");
      if (!kind) throw new Error(`${whole} names no record kind`);
      const lines = Object.entries(kind.fields).flatMap(([field, { schema, optional }]) => [
        `    /** ${String(schema["description"] ?? "").replaceAll("*/", "*\\/")} */`,
        `    readonly ${field}${optional ? "?" : ""}: ${typeOf(schema)}${optional ? " | undefined" : ""};`,
      ]);
      return [
        `/** ${kind.doc} */`,
        `export type ${name} = {`,
        `    readonly kind: "${kind.name}";`,
        ...lines,
        "};",
      ].join("\n");
    });
}

/** The constant that declares a kind → the kind's name. */
function kindNames(dir: string): Map<string, string> {
  const texts = globSync("*.d.ts", { cwd: dir }).map((file) => readFileSync(resolve(dir, file), "utf8"));
  return new Map(
    texts.flatMap((text) =>
      [...text.matchAll(/declare const (\w+): [^\n]*?\bKind<"(\w+)"/g)].map(
        ([, constant, name]) => [constant!, name!] as const,
      ),
    ),
  );
}

function typeOf(schema: JsonSchema): string {
  if (Array.isArray(schema["enum"])) return schema["enum"].map((value) => JSON.stringify(value)).join(" | ");
  const types = [schema["type"] ?? []].flat() as string[];
  return types.length === 0 ? "unknown" : [...new Set(types.map((type) => typeOfOne(type, schema)))].join(" | ");
}

function typeOfOne(type: string, schema: JsonSchema): string {
  if (type === "integer") return "number";
  if (type === "array") return `readonly (${typeOf(schema["items"] as JsonSchema)})[]`;
  if (type !== "object") return type;
  const properties = schema["properties"] as { readonly [name: string]: JsonSchema } | undefined;
  if (!properties) return `{ readonly [name: string]: ${typeOf(schema["additionalProperties"] as JsonSchema)} }`;
  const required = new Set(schema["required"] as string[]);
  const fields = Object.entries(properties).map(
    ([name, of]) =>
      `readonly ${name}${required.has(name) ? "" : "?"}: ${typeOf(of)}${required.has(name) ? "" : " | undefined"}`,
  );
  return `{ ${fields.join("; ")} }`;
}
