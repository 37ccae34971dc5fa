// Every record kind by name.
import { archive } from "./archives.ts";
import { JUDGEMENTS } from "./judgements.ts";
import { MADE } from "./made.ts";
import type { Kind } from "./shape.ts";
import { THINGS } from "./things.ts";

export const KINDS: ReadonlyMap<string, Kind> = new Map(
  [...THINGS, ...MADE, archive, ...JUDGEMENTS].map((kind) => [kind.name, kind as unknown as Kind]),
);
