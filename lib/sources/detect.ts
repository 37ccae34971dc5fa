// Which runtime wrote what lies in a directory.
import { agdd } from "./agdd/agdd.ts";
import { agh } from "./agh/agh.ts";
import { agsh } from "./agsh/agsh.ts";
import type { Source } from "./source.ts";

export const SOURCES: readonly Source[] = [agh, agsh, agdd];

/** The source whose markers a directory bears; undefined when none does. */
export function detect(root: string, sources: readonly Source[] = SOURCES): Source | undefined {
  const found = sources.filter((source) => source.detect(root));
  // A bare `sessions/` is all that AGH may leave, and a name that many a directory has: who knows a file comes first.
  return found.find(({ runtime }) => runtime !== "agh") ?? found[0];
}
