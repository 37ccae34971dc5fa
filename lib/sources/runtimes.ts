// The runtimes: which of them wrote what lies in a directory, and the source that reads it.
import { agddMarkers as agdd } from "./agdd/home/detect.ts";
import { aghMarkers as agh } from "./agh/home/detect.ts";
import { agshMarkers as agsh } from "./agsh/home/detect.ts";
import type { RuntimeMarkers, Source } from "./source.ts";

/** Loaded where one of its homes is met: start-up pays for no other. */
export interface Runtime extends RuntimeMarkers {
  load(): Promise<Source>;
}

export const RUNTIMES: readonly Runtime[] = [
  { ...agh, load: async () => (await import("./agh/agh.ts")).agh },
  { ...agsh, load: async () => (await import("./agsh/agsh.ts")).agsh },
  { ...agdd, load: async () => (await import("./agdd/agdd.ts")).agdd },
];

/** The source of a runtime whose name is written down. */
export const loadSource = (name: RuntimeMarkers["runtime"]): Promise<Source> =>
  RUNTIMES.find(({ runtime }) => runtime === name)!.load();

/** The runtime whose markers a directory bears; undefined when none does. */
export function detectRuntime(root: string, runtimes: readonly Runtime[] = RUNTIMES): Runtime | undefined {
  const found = runtimes.filter((one) => one.detect(root));
  // A bare `sessions/` is all that AGH may leave, and a name that many a directory has: who knows a file comes first.
  return found.find(({ runtime }) => runtime !== "agh") ?? found[0];
}
