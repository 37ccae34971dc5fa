// Which runtime wrote what lies in a directory.
import { agdd } from "./agdd/agdd.ts";
import { agh } from "./agh/agh.ts";
import type { Source } from "./source.ts";

export const SOURCES: readonly Source[] = [agh, agdd];

/** The source whose markers a directory bears; undefined when none does. */
export const detect = (root: string, sources: readonly Source[] = SOURCES): Source | undefined =>
  sources.find((source) => source.detect(root));
