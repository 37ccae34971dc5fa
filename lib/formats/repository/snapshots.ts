// The snapshots of a repository: which there are, which one a word names, and their listings.
import { parseInstant } from "../../policy/parse-quantities.ts";
import { placeError, refusal, ToolError, usageError } from "../../records/error.ts";
import { listAcceptances } from "./acceptance.ts";
import { isAgeFile } from "./encryption.ts";
import { nameIn, snapshotKey, SNAPSHOTS } from "./layout.ts";
import { hostileListing, ListingNames } from "./check-listing.ts";
import { decodeListingLine, decodePage, decodePageRef, type ListingLine, type PageRef } from "./listing.ts";
import { decodeManifest, type Manifest } from "./manifest.ts";
import { storedObjectOf, type Repository, type StoredBytes } from "./repository.ts";
import { isUlid, ulidTime } from "../ulid.ts";

/** Ids of all snapshots, oldest first. */
export async function snapshotIds(repo: Repository): Promise<string[]> {
  const ids: string[] = [];
  for await (const { key } of repo.target.list(SNAPSHOTS)) if (isUlid(nameIn(key))) ids.push(nameIn(key));
  return ids.sort();
}

/** Where the log of a signed repository is read: snapshots that it has, that are not among these, and that nobody gave up. */
export async function vanishedFromLog(repo: Repository, ids: Iterable<string>): Promise<readonly string[]> {
  const vanished = (await repo.authorship?.vanishedFrom(ids)) ?? [];
  return vanished.length === 0 ? [] : withoutGivenUp(repo, vanished);
}

export async function withoutGivenUp(repo: Repository, ids: readonly string[]): Promise<readonly string[]> {
  const given = new Set<string>();
  for await (const { snapshot } of listAcceptances(repo, () => undefined)) given.add(snapshot);
  return ids.filter((id) => !given.has(id));
}

/** The manifest of a snapshot; undefined when it is not what was written, null when it is gone. */
export async function findManifest(repo: Repository, id: string): Promise<Manifest | undefined | null> {
  const bytes = await repo.target.get(snapshotKey(id));
  if (!bytes) return null;
  const manifest = decodeManifest(await openObject(repo, bytes, snapshotKey(id)));
  return manifest?.id === id ? manifest : undefined;
}

/** A manifest, and its file as it is stored. */
export interface StoredManifest {
  readonly manifest: Manifest;
  readonly stored: StoredBytes;
}

/** The manifest of a snapshot; missing or damaged → E_MANIFEST_DAMAGED (6), locked and not cached → E_IDENTITY_NEEDED (4). */
export async function readStoredManifest(repo: Repository, id: string): Promise<StoredManifest> {
  const key = snapshotKey(id);
  const bytes = await repo.target.get(key);
  if (!bytes) throw manifestError(repo, key, "is missing");
  await repo.authorship?.assertManifest(id, bytes); // where it is known who signs, nothing that another one wrote is read
  const stored = storedObjectOf(bytes);
  if (repo.isLocked) assertAsKnown(repo, id, bytes, stored);
  const content = repo.isLocked ? repo.cache?.read(key) : await openObject(repo, bytes, key);
  if (!content) throw locked(repo, id);
  const manifest = decodeManifest(content);
  if (manifest?.id === id) return { manifest, stored };
  throw manifestError(repo, key, "is damaged");
}

/** What the cache says of a file is true of the file that was cached: without identity, only its digest tells. */
function assertAsKnown(repo: Repository, id: string, bytes: Buffer, stored: StoredBytes): void {
  const known = repo.localState?.seen.snapshots?.[id];
  if (known ? known.sha256 === stored.sha256 : isAgeFile(bytes)) return;
  throw manifestError(repo, snapshotKey(id), known ? "is not the file that this machine knows" : "is damaged");
}

const manifestError = (repo: Repository, key: string, what: string): ToolError =>
  placeError("E_MANIFEST_DAMAGED", `${repo.url}/${key} ${what}`, `agh-backup verify --all --repo ${repo.url}`);

/** All that can be said of it is in its name. */
const locked = ({ url }: Repository, id: string): ToolError =>
  refusal(
    "E_IDENTITY_NEEDED",
    `${url} is encrypted: snapshot ${id}, begun ${ulidTime(id).toISOString()}, needs an identity to be read`,
    "--identity FILE, or set AGH_BACKUP_IDENTITY",
  );

/** What cannot be decrypted is reported as any other damage. */
async function openObject(repo: Repository, bytes: Buffer, key: string): Promise<Buffer> {
  try {
    return await repo.open(bytes, key);
  } catch (error) {
    if (error instanceof ToolError && error.code === "E_AGE_DAMAGED") return Buffer.alloc(0);
    throw error;
  }
}

export interface SnapshotFilter {
  /** Only snapshots of this home. */
  readonly homeId?: string | undefined;
  /** Only snapshots of homes that were at this path: for one that is not there any more. */
  readonly homePath?: string | undefined;
  /** Only snapshots that began at or before this time. */
  readonly at?: Date | undefined;
}

/** Manifests, newest first; a damaged one, or one that only an identity opens, goes to `problem` (where given) and is left out. */
export async function* listManifests(
  repo: Repository,
  { homeId, homePath, at }: SnapshotFilter = {},
  problem?: (error: ToolError) => void,
): AsyncGenerator<Manifest> {
  const ids = await snapshotIds(repo);
  const vanished = new Set(await vanishedFromLog(repo, ids));
  for (const id of [...ids, ...vanished].sort().reverse()) {
    let manifest: Manifest;
    try {
      if (vanished.has(id)) throw repo.authorship!.vanished(id);
      await repo.authorship?.assertNotPruned(id);
      manifest = (await readStoredManifest(repo, id)).manifest;
    } catch (error) {
      if (!problem) throw error;
      problem(error as ToolError);
      continue;
    }
    if (isSelected(manifest, { homeId, homePath, at })) yield manifest;
  }
}

export const isSelected = (
  { home_id, home_path, started_at }: Manifest,
  { homeId, homePath, at }: SnapshotFilter,
): boolean =>
  (homeId === undefined || home_id === homeId) &&
  (homePath === undefined || home_path === homePath) &&
  (at === undefined || Date.parse(started_at) <= at.getTime());

/** A time among ids: no ULID has a dash. */
const IS_TIME = /^\d{4}-/;

/** A restore tags the snapshot that it makes of what it is about to replace: it is the way back, and no word for a time means it. */
export const BEFORE_RESTORE = "before-restore";

/** Whether a word names the newest snapshot of a home, of all or as of a time, and not one by its id. */
export const isMoving = (word: string): boolean => word === "latest" || IS_TIME.test(word);

/**
 * The snapshot that a word names: a full id, a unique prefix, `latest`, or a time (the newest that began at or before
 * it). Unknown or ambiguous → exit 2; `latest` and times are ambiguous where they could be of more than one home.
 */
export async function resolveSnapshot(repo: Repository, word: string, filter: SnapshotFilter = {}): Promise<Manifest> {
  if (IS_TIME.test(word)) return resolveSnapshot(repo, "latest", { ...filter, at: parseInstant(word) });
  if (word === "latest") {
    const [newest, ...others] = await listNewest(repo, filter);
    if (newest && others.length > 0) throw severalHomes(repo, [newest, ...others]);
    if (newest) return newest;
    const before = filter.at === undefined ? "" : ` from ${filter.at.toISOString()} or before`;
    throw usageError(
      `${repo.url} contains no snapshot${homeText(filter)}${before}`,
      `agh-backup list --repo ${repo.url}`,
    );
  }
  const ids = (await snapshotIds(repo)).filter((id) => id.startsWith(word.toUpperCase()));
  if (ids.length === 1) return assertOfHome((await readStoredManifest(repo, ids[0]!)).manifest, filter);
  const hint = ids.length > 1 ? `one of ${ids.slice(0, 5).join(", ")}` : `agh-backup list --repo ${repo.url}`;
  throw usageError(`${ids.length > 1 ? "more than one" : "no"} snapshot matches '${word}'`, hint);
}

const homeText = ({ homeId, homePath }: SnapshotFilter): string =>
  homeId !== undefined ? ` of home ${homeId}` : homePath !== undefined ? ` of a home at ${homePath}` : "";

function assertOfHome(manifest: Manifest, filter: SnapshotFilter): Manifest {
  const { homeId = manifest.home_id, homePath = manifest.home_path } = filter;
  if (homeId === manifest.home_id && homePath === manifest.home_path) return manifest;
  throw usageError(
    `snapshot ${manifest.id} is of home ${describeHome(manifest)}, not${homeText(filter)}`,
    "name one of that home, or leave the home out",
  );
}

/**
 * The newest snapshot of each home, newest first; of one home nothing more is read. What a restore was to replace counts only where
 * nothing else is there. What cannot be read goes to `problem`, with whether it may be newer than all that was found; without `problem`
 * that is an error, and what is older is passed over.
 */
export async function listNewest(
  repo: Repository,
  filter: SnapshotFilter,
  problem?: (error: ToolError, isNewest: boolean) => void,
): Promise<Manifest[]> {
  const found = new Map<string, Manifest>();
  const replaced = new Map<string, Manifest>();
  const unreadable = (error: ToolError): void => {
    if (problem) problem(error, found.size === 0);
    else if (found.size === 0) throw error;
  };
  for await (const manifest of listManifests(repo, filter, unreadable)) {
    const newest = manifest.tags.includes(BEFORE_RESTORE) ? replaced : found;
    if (!newest.has(manifest.home_id)) newest.set(manifest.home_id, manifest);
    if (filter.homeId !== undefined && found.size > 0) break;
  }
  for (const [id, manifest] of replaced) if (!found.has(id)) found.set(id, manifest);
  return [...found.values()].sort((a, b) => (a.id < b.id ? 1 : -1));
}

/** Homes that an error names. */
const SHOWN_HOMES = 5;

function severalHomes({ url }: Repository, newest: readonly Manifest[]): ToolError {
  const shown = newest.slice(0, SHOWN_HOMES).map((one) => {
    return `${describeHome(one)}: newest snapshot ${one.id}, ${formatAge(one.started_at)}`;
  });
  const more = newest.length > SHOWN_HOMES ? `; and ${newest.length - SHOWN_HOMES} more` : "";
  return usageError(
    `${url} contains snapshots of ${newest.length} homes: ${shown.join("; ")}${more}`,
    `--home-id ${newest[0]!.home_id}, or the id of a snapshot`,
  );
}

/** The home that a snapshot is of, for people. */
export const describeHome = ({ home_id, home_path, hostname }: Manifest): string =>
  `${home_id} (${home_path} on ${hostname})`;

/** How long ago a moment was, for people. */
export function formatAge(time: string, now = Date.now()): string {
  const minutes = Math.floor((now - Date.parse(time)) / 60_000);
  if (minutes < 0) return "in the future";
  if (minutes < 60) return `${minutes} min old`;
  return minutes < 48 * 60 ? `${Math.floor(minutes / 60)} h old` : `${Math.floor(minutes / 1440)} days old`;
}

interface Page {
  readonly ref: PageRef;
  readonly lines: readonly string[];
}

/** The list of a snapshot's pages. Damaged, or no list → exit 6. */
export async function readPageRefs(repo: Repository, { listing }: Manifest): Promise<PageRef[]> {
  const parts: Buffer[] = [];
  let bytes = 0;
  await repo.expect(listing.chunks);
  for (const chunk of listing.chunks) {
    parts.push(await repo.chunk(chunk));
    bytes += parts.at(-1)!.length;
    if (bytes > MOST_REF_BYTES) throw damagedListing(repo, "its list of pages is too long");
  }
  return decodePage(Buffer.concat(parts)).map(decodePageRef);
}

/** The list of pages of some ten million paths. */
const MOST_REF_BYTES = 64 << 20;

const damagedListing = ({ url }: Repository, what: string): ToolError =>
  placeError("E_LISTING_DAMAGED", `${url}: ${what}`, `agh-backup verify --all --repo ${url}`);

/** The pages of a listing, their lines as text. */
export async function* readListingPages(repo: Repository, manifest: Manifest): AsyncGenerator<Page> {
  const refs = await readPageRefs(repo, manifest);
  await repo.expect(refs.map(({ sha256 }) => sha256));
  for (const ref of refs) yield { ref, lines: decodePage(await repo.chunk(ref.sha256)) };
}

/** Every line of a snapshot's listing, in order. What no create writes → exit 6; names that may not be written → 4. */
export async function* readListing(repo: Repository, manifest: Manifest): AsyncGenerator<ListingLine> {
  const names = new ListingNames();
  let count = 0;
  for await (const { lines } of readListingPages(repo, manifest)) {
    for (const text of lines) {
      const line = decodeListingLine(text);
      const problem = names.findProblem(line) ?? findUnusualProblem(names, manifest);
      if (problem !== undefined) throw hostileListing(line, problem);
      count++;
      yield line;
    }
  }
  if (count !== manifest.listing.lines) {
    throw damagedListing(repo, `the listing of ${manifest.id} has ${count} lines, not ${manifest.listing.lines}`);
  }
}

/** Names that create has met in the home come back; others come from somebody else. */
const findUnusualProblem = ({ unusual }: ListingNames, { format, unusual_names = 0 }: Manifest): string | undefined =>
  unusual > unusual_names && format > FIRST_FORMAT
    ? "a name that not every file system can hold, or one that differs from another in case or form only"
    : undefined;

/** Its manifests do not count unusual names. */
const FIRST_FORMAT = 1;

const checkedListings = new WeakSet<Manifest>();

/** Reads a listing to its end, so that one that is refused is refused before anything is written. Throws as readListing does. */
export async function assertListing(repo: Repository, manifest: Manifest): Promise<void> {
  if (checkedListings.has(manifest)) return;
  for await (const _ of readListing(repo, manifest));
  checkedListings.add(manifest);
}
