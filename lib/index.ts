// The programmatic API: everything that is public, and nothing else.
export { EXIT, ToolError, type Exit } from "./records/error.ts";
export type { Deps, Log, Progress } from "./records/deps.ts";
export { Block, records, type AnyRecord, type Item, type Items } from "./records/record.ts";
export type * from "./records/runtime-kinds.ts";
export type * from "./records/archive-kind.ts";
export type * from "./records/toolkit-kinds.ts";
export type * from "./records/result-kinds.ts";
export { jsonSchema } from "./records/shape.ts";
export { KINDS } from "./records/kinds.ts";
export type { Home, SessionFilter, Source } from "./sources/source.ts";
