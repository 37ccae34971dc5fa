// Whether a record is what its kind says: the schema that is documented, and the documented order of keys.
import assert from "node:assert/strict";
import { KINDS } from "../../lib/records/kinds.ts";
import type { AnyRecord } from "../../lib/records/record.ts";
import { jsonSchema, type JsonSchema } from "../../lib/records/shape.ts";

/** Fails with the path of the first thing that is not as documented. */
export function assertValid(record: AnyRecord): void {
  const kind = KINDS.get(record.kind);
  assert.ok(kind, `there is no kind '${record.kind}'`);
  check(record, jsonSchema(kind), record.kind);
  const known = ["kind", ...Object.keys(kind.fields)];
  const order = Object.keys(record);
  assert.deepEqual(
    order,
    known.filter((name) => order.includes(name)),
    `${record.kind}: keys in documented order`,
  );
}

function check(value: unknown, schema: JsonSchema, at: string): void {
  if ("const" in schema) assert.equal(value, schema["const"], at);
  if (Array.isArray(schema["enum"])) assert.ok(schema["enum"].includes(value), `${at} is ${JSON.stringify(value)}`);
  const types = schema["type"] === undefined ? [] : [schema["type"]].flat();
  if (types.length > 0)
    assert.ok(types.includes(typeOf(value, types)), `${at} is ${JSON.stringify(value)}, not ${types.join(" or ")}`);
  if (typeof value !== "object" || value === null) return;
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) check(item, (schema["items"] ?? {}) as JsonSchema, `${at}[${index}]`);
    return;
  }
  const properties = (schema["properties"] ?? {}) as { readonly [name: string]: JsonSchema };
  for (const name of (schema["required"] ?? []) as string[]) assert.ok(name in value, `${at} lacks ${name}`);
  for (const [name, of] of Object.entries(properties)) {
    if (name in value) check((value as { readonly [name: string]: unknown })[name], of, `${at}.${name}`);
  }
}

function typeOf(value: unknown, allowed: readonly unknown[]): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  if (typeof value === "number" && Number.isInteger(value) && allowed.includes("integer")) return "integer";
  return typeof value;
}
