// The one notation for record kinds: TypeScript types, JSON Schema, documentation and column order all come from it.

export type JsonSchema = { readonly [key: string]: unknown };

declare const carries: unique symbol;

/** One field of a record: its JSON Schema, whether it may be absent, and (at compile time only) the type it carries. */
export interface Field<T, Optional extends boolean = boolean> {
  readonly schema: JsonSchema;
  readonly optional: Optional;
  readonly [carries]?: T;
}

export type Fields = { readonly [name: string]: Field<unknown> };

type Carried<F> = F extends Field<infer T> ? T : never;
type OptionalNames<F extends Fields> = { [N in keyof F]: F[N]["optional"] extends true ? N : never }[keyof F];

/** The object type that a set of fields describes. */
export type Shaped<F extends Fields> = { readonly [N in Exclude<keyof F, OptionalNames<F>>]: Carried<F[N]> } & {
  readonly [N in OptionalNames<F>]?: Carried<F[N]> | undefined;
};

/** A record kind: `kind` comes first, then the fields in documented order. */
export interface Kind<Name extends string = string, F extends Fields = Fields> {
  readonly name: Name;
  readonly doc: string;
  readonly fields: F;
}

export type RecordOf<K> = K extends Kind<infer Name, infer F> ? { readonly kind: Name } & Shaped<F> : never;

function field<T>(schema: JsonSchema): Field<T, false> {
  return { schema, optional: false };
}

/** `doc` is one sentence; it becomes the schema's description and the line in docs/records.md. */
export const text = (doc: string): Field<string, false> => field({ type: "string", description: doc });
export const integer = (doc: string): Field<number, false> => field({ type: "integer", description: doc });
export const decimal = (doc: string): Field<number, false> => field({ type: "number", description: doc });
export const bool = (doc: string): Field<boolean, false> => field({ type: "boolean", description: doc });
export const time = (doc: string): Field<string, false> =>
  field({ type: "string", format: "date-time", description: doc });
/** Whatever JSON the runtime wrote, passed through exact in value. */
export const json = (doc: string): Field<unknown, false> => field({ description: doc });
/** A typed integer that may pass 2^53: a number where that is exact, else a string of digits. */
export const bigInteger = (doc: string): Field<number | string, false> =>
  field({ type: ["integer", "string"], description: doc });

export const oneOf = <const T extends string>(doc: string, ...values: readonly T[]): Field<T, false> =>
  field({ enum: values, description: doc });

/** The name of a runtime: others than the built-in ones can be registered. */
export const runtimeName = (doc: string): Field<string, false> => text(doc);

export const list = <T>(doc: string, of: Field<T>): Field<readonly T[], false> =>
  field({ type: "array", items: of.schema, description: doc });

export const object = <F extends Fields>(doc: string, fields: F): Field<Shaped<F>, false> =>
  field({ ...objectSchema(fields), description: doc });

export const table = <T>(doc: string, of: Field<T>): Field<{ readonly [name: string]: T }, false> =>
  field({ type: "object", additionalProperties: of.schema, description: doc });

export const optional = <T>(of: Field<T>): Field<T, true> => ({ schema: of.schema, optional: true });

export const nullable = <T, O extends boolean>(of: Field<T, O>): Field<T | null, O> => ({
  schema: nullableSchema(of.schema),
  optional: of.optional,
});

export const kind = <const Name extends string, F extends Fields>(
  name: Name,
  doc: string,
  fields: F,
): Kind<Name, F> => ({
  name,
  doc,
  fields,
});

function nullableSchema(schema: JsonSchema): JsonSchema {
  if (Array.isArray(schema["enum"])) return { ...schema, enum: [...(schema["enum"] as unknown[]), null] };
  if (schema["type"] === undefined) return schema;
  return { ...schema, type: [schema["type"], "null"].flat() };
}

function objectSchema(fields: Fields): JsonSchema {
  const names = Object.keys(fields);
  return {
    type: "object",
    properties: Object.fromEntries(names.map((name) => [name, fields[name]!.schema])),
    required: names.filter((name) => !fields[name]!.optional),
  };
}

/**
 * The JSON Schema (2020-12) of a kind. Unknown keys are allowed: kinds only ever gain keys. `runtimes` are the names that are known: examples,
 * as others may be registered.
 */
export function jsonSchema(of: Kind, runtimes: readonly string[] = []): JsonSchema {
  const { properties, required } = objectSchema(of.fields) as {
    properties: { readonly [name: string]: JsonSchema };
    required: string[];
  };
  const { runtime } = properties;
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    $id: `urn:agh-toolkit:record:${of.name}`,
    title: of.name,
    description: of.doc,
    type: "object",
    properties: {
      kind: { const: of.name },
      ...properties,
      ...(runtime && runtimes.length > 0 && { runtime: { ...runtime, examples: runtimes } }),
    },
    required: ["kind", ...required],
  };
}
