// The runtimes: which of them wrote what lies in a directory, and the source that reads it.
import { marks as agdd } from "./agdd/marks.ts";
import { marks as agh } from "./agh/marks.ts";
import { marks as agsh } from "./agsh/marks.ts";
import type { Marks, Source } from "./source.ts";

/** Loaded where one of its homes is met: start-up pays for no other. */
export interface Runtime extends Marks {
  load(): Promise<Source>;
}

export const RUNTIMES: readonly Runtime[] = [
  { ...agh, load: async () => (await import("./agh/agh.ts")).agh },
  { ...agsh, load: async () => (await import("./agsh/agsh.ts")).agsh },
  { ...agdd, load: async () => (await import("./agdd/agdd.ts")).agdd },
];

/** The source of a runtime whose name is written down. */
export const sourceNamed = (name: Marks["runtime"]): Promise<Source> =>
  RUNTIMES.find(({ runtime }) => runtime === name)!.load();

/** The runtime whose markers a directory bears; undefined when none does. */
export function detect(root: string, runtimes: readonly Runtime[] = RUNTIMES): Runtime | undefined {
  const found = runtimes.filter((one) => one.detect(root));
  // A bare `sessions/` is all that AGH may leave, and a name that many a directory has: who knows a file comes first.
  return found.find(({ runtime }) => runtime !== "agh") ?? found[0];
}
