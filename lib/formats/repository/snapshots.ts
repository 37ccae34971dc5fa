// The snapshots of a repository: which there are, which one a word names, and their listings.
import { parseInstant } from "../../policy/parse-quantities.ts";
import { placeError, refusal, ToolError, usageError } from "../../records/error.ts";
import { nameIn, snapshotKey, SNAPSHOTS } from "./layout.ts";
import { hostileListing, ListingNames } from "./check-listing.ts";
import { decodeListingLine, decodePage, decodePageRef, type ListingLine, type PageRef } from "./listing.ts";
import { decodeManifest, type Manifest } from "./manifest.ts";
import type { Repository } from "./repository.ts";
import { isUlid, ulidTime } from "../ulid.ts";

/** Ids of all snapshots, oldest first. */
export async function snapshotIds(repo: Repository): Promise<string[]> {
  const ids: string[] = [];
  for await (const { key } of repo.target.list(SNAPSHOTS)) if (isUlid(nameIn(key))) ids.push(nameIn(key));
  return ids.sort();
}

/** The manifest of a snapshot; undefined when it is not what was written, null when it is gone. */
export async function findManifest(repo: Repository, id: string): Promise<Manifest | undefined | null> {
  const bytes = await readObject(repo, snapshotKey(id));
  const manifest = bytes && decodeManifest(bytes);
  return bytes ? (manifest?.id === id ? manifest : undefined) : null;
}

/** The manifest of a snapshot; missing or damaged → exit 6. */
async function readManifest(repo: Repository, id: string): Promise<Manifest> {
  const key = snapshotKey(id);
  if (repo.isLocked && !repo.cache?.read(key)) throw locked(repo, id);
  const manifest = await findManifest(repo, id);
  if (manifest) return manifest;
  const state = manifest === null ? "missing" : "damaged";
  throw placeError(
    "E_MANIFEST_DAMAGED",
    `${repo.url}/${key} is ${state}`,
    `agh-backup verify --all --repo ${repo.url}`,
  );
}

/** All that can be said of it is in its name. */
const locked = ({ url }: Repository, id: string): ToolError =>
  refusal(
    "E_IDENTITY_NEEDED",
    `${url} is encrypted: snapshot ${id}, begun ${ulidTime(id).toISOString()}, needs an identity to be read`,
    "--identity FILE, or set AGH_BACKUP_IDENTITY",
  );

/** What cannot be decrypted is reported as any other damage. */
async function readObject(repo: Repository, key: string): Promise<Buffer | undefined> {
  try {
    return await repo.read(key);
  } catch (error) {
    if (error instanceof ToolError && error.code === "E_AGE_DAMAGED") return Buffer.alloc(0);
    throw error;
  }
}

export interface SnapshotFilter {
  /** Only snapshots of this home. */
  readonly homeId?: string | undefined;
  /** Only snapshots that began at or before this time. */
  readonly at?: Date | undefined;
}

/** Manifests, newest first; a damaged one, or one that only an identity opens, goes to `problem` (where given) and is left out. */
export async function* listManifests(
  repo: Repository,
  { homeId, at }: SnapshotFilter = {},
  problem?: (error: ToolError) => void,
): AsyncGenerator<Manifest> {
  for (const id of (await snapshotIds(repo)).reverse()) {
    let manifest: Manifest;
    try {
      manifest = await readManifest(repo, id);
    } catch (error) {
      if (!problem) throw error;
      problem(error as ToolError);
      continue;
    }
    if (homeId !== undefined && manifest.home_id !== homeId) continue;
    if (at !== undefined && Date.parse(manifest.started_at) > at.getTime()) continue;
    yield manifest;
  }
}

/** A time among ids: no ULID has a dash. */
const IS_TIME = /^\d{4}-/;

/**
 * The snapshot that a word names: a full id, a unique prefix, `latest`, or a time (the newest that began at or before
 * it). Unknown or ambiguous → exit 2.
 */
export async function resolveSnapshot(repo: Repository, word: string, filter: SnapshotFilter = {}): Promise<Manifest> {
  if (IS_TIME.test(word)) return resolveSnapshot(repo, "latest", { ...filter, at: parseInstant(word) });
  if (word === "latest") {
    for await (const manifest of listManifests(repo, filter)) return manifest;
    const of = filter.homeId === undefined ? "" : ` of home ${filter.homeId}`;
    const before = filter.at === undefined ? "" : ` from ${filter.at.toISOString()} or before`;
    throw usageError(`${repo.url} contains no snapshot${of}${before}`, `agh-backup list --repo ${repo.url}`);
  }
  const ids = (await snapshotIds(repo)).filter((id) => id.startsWith(word.toUpperCase()));
  if (ids.length === 1) return readManifest(repo, ids[0]!);
  const hint = ids.length > 1 ? `one of ${ids.slice(0, 5).join(", ")}` : `agh-backup list --repo ${repo.url}`;
  throw usageError(`${ids.length > 1 ? "more than one" : "no"} snapshot matches '${word}'`, hint);
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
