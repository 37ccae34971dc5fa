// The names of what lies in a repository.

export const REPOSITORY_KEY = "repository.json";
export const PACKS = "packs/";
export const INDEXES = "indexes/";
export const SNAPSHOTS = "snapshots/";
/** Only in the cache of an encrypted repository: listing pages as they were before they were stored as chunks. */
export const PAGES = "pages/";
export const DRILLS = "drills/";
/** Snapshots that were accepted although something was lost. */
export const ACCEPTED = "accepted/";
/** What prune has removed: whoever knew it need not miss it. */
export const PRUNED = "pruned/";
/** What prune has marked as garbage, and who prunes a repository that is no directory. */
export const MARKS = "marks/";
export const LOCKS = "locks/";

export const packKey = (sha256: string): string => `${PACKS}${sha256.slice(0, 2)}/${sha256}.pack`;
export const indexKey = (sha256: string): string => `${INDEXES}${sha256}.jsonl.zst`;
export const snapshotKey = (id: string): string => `${SNAPSHOTS}${id}.json`;
export const markKey = (id: string): string => `${MARKS}${id}.json`;
export const lockKey = (id: string): string => `${LOCKS}${id}.json`;
export const acceptedKey = (id: string): string => `${ACCEPTED}${id}.json`;
export const prunedKey = (id: string): string => `${PRUNED}${id}.json`;
export const drillKey = (id: string): string => `${DRILLS}${id}.json`;

/** The name within a key: a digest or an id. */
export const nameIn = (key: string): string => /([^/.]+)[^/]*$/.exec(key)![1]!;
