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
/** The signed log of what was added and pruned, where the repository is signed. */
export const HEADS = "heads/";
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

export const headKey = (count: number): string => `${HEADS}${String(count).padStart(10, "0")}.note`;
/** What signs an object of a signed repository lies beside it. */
export const signatureKey = (key: string): string => key.replace(/\.json$/, SIGNATURE);

const SIGNATURE = ".sig";

/** The name within a key: a digest or an id. A signature's is no id: what lies beside an object is not another one. */
export const nameIn = (key: string): string =>
  key.endsWith(SIGNATURE) ? key.slice(key.lastIndexOf("/") + 1) : (/([^/.]+)[^/]*$/.exec(key)?.[1] ?? key);
