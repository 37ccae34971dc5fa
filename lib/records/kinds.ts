// Every record kind by name.
import { archive } from "./archive-kind.ts";
import { RESULT_KINDS } from "./result-kinds.ts";
import { TOOLKIT_KINDS } from "./toolkit-kinds.ts";
import type { Kind } from "./shape.ts";
import { RUNTIME_KINDS } from "./runtime-kinds.ts";

export const KINDS: ReadonlyMap<string, Kind> = new Map(
  [...RUNTIME_KINDS, ...TOOLKIT_KINDS, archive, ...RESULT_KINDS].map((kind) => [kind.name, kind as unknown as Kind]),
);
