// The tombstone of a retired session: what stands in the home for a directory that was archived and taken away.
import { decodeSealed, encodeSealed } from "../sealed-json.ts";

export const TOMBSTONE_FORMAT = 1;

export interface Tombstone {
  readonly format: number;
  readonly session_id: string;
  readonly retired_at: string;
  /** Where the archive lies, and the digest of it; null where the session was not archived. */
  readonly archive: { readonly target: string; readonly sha256: string } | null;
  /** The snapshot that holds it, where that was requested. */
  readonly snapshot?: { readonly repo: string; readonly id: string };
  /** The run below `.agh-toolkit/trash` that took it. */
  readonly trash?: string;
  /** The last event that was there when it was retired. */
  readonly last_sequence: number | string | null;
}

/** Its name in `<home>/.agh-toolkit/tombstones`. */
export const tombstoneName = (id: string): string => `${id}.json`;

export const encodeTombstone = (tombstone: Tombstone): Buffer => encodeSealed(tombstone).bytes;

/** Undefined when it is not what was written. */
export function decodeTombstone(bytes: Buffer): Tombstone | undefined {
  try {
    const found = decodeSealed(bytes) as unknown as Tombstone | undefined;
    return found?.format === TOMBSTONE_FORMAT ? found : undefined;
  } catch {
    return undefined; // sealed, and still no JSON: not ours
  }
}

/** What stands in a home for sessions that were rows: one for all that a run has removed. */
export interface RetiredRows {
  readonly format: number;
  /** The run that removed them, a ULID. */
  readonly run: string;
  readonly retired_at: string;
  readonly ids: readonly string[];
}

/** Its name in `<home>/.agh-toolkit/tombstones`. */
export const retiredRowsName = (run: string): string => `${run}${RETIRED_ROWS}`;

export const RETIRED_ROWS = ".rows";

export const encodeRetiredRows = (rows: RetiredRows): Buffer => encodeSealed(rows).bytes;

/** Undefined when it is not what was written. */
export function decodeRetiredRows(bytes: Buffer): RetiredRows | undefined {
  try {
    const found = decodeSealed(bytes) as unknown as RetiredRows | undefined;
    return found?.format === TOMBSTONE_FORMAT && Array.isArray(found.ids) ? found : undefined;
  } catch {
    return undefined; // sealed, and still no JSON: not ours
  }
}
