// Whether a filter narrows at all.
import type { SessionFilter } from "../sources/source.ts";

/** False when every session passes. */
export const selects = (filter: SessionFilter): boolean =>
  Object.values(filter).some((value) => (Array.isArray(value) ? value.length > 0 : Boolean(value)));
