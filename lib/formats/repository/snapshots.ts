// The snapshots of a repository: which there are, which one a word names, and their listings.
import { parseInstant } from "../../policy/parse-quantities.ts";
import { placeError, refusal, ToolError, usageError } from "../../records/error.ts";
import { nameIn, snapshotKey, SNAPSHOTS } from "./layout.ts";
import { decodeListingLine, decodePage, type ListingLine, type PageRef } from "./listing.ts";
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
    if (homePath !== undefined && manifest.home_path !== homePath) continue;
    if (at !== undefined && Date.parse(manifest.started_at) > at.getTime()) continue;
    yield manifest;
  }
}

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
  if (ids.length === 1) return assertOfHome(await readManifest(repo, ids[0]!), filter);
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
 * nothing else is there. What cannot be read goes to `problem`; without it, it is an error where it may be newer than what was found, and
 * passed over where it is older.
 */
export async function listNewest(
  repo: Repository,
  filter: SnapshotFilter,
  problem?: (error: ToolError) => void,
): Promise<Manifest[]> {
  const found = new Map<string, Manifest>();
  const replaced = new Map<string, Manifest>();
  const unreadable = (error: ToolError): void => {
    if (problem) problem(error);
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

/** The list of a snapshot's pages. */
export async function readPageRefs(repo: Repository, { listing }: Manifest): Promise<PageRef[]> {
  const parts: Buffer[] = [];
  await repo.expect(listing.chunks);
  for (const chunk of listing.chunks) parts.push(await repo.chunk(chunk));
  return decodePage(Buffer.concat(parts)).map((line) => JSON.parse(line) as PageRef);
}

/** The pages of a listing, their lines as text. */
export async function* readListingPages(repo: Repository, manifest: Manifest): AsyncGenerator<Page> {
  const refs = await readPageRefs(repo, manifest);
  await repo.expect(refs.map(({ sha256 }) => sha256));
  for (const ref of refs) yield { ref, lines: decodePage(await repo.chunk(ref.sha256)) };
}

/** Every line of a snapshot's listing, in order. */
export async function* readListing(repo: Repository, manifest: Manifest): AsyncGenerator<ListingLine> {
  for await (const { lines } of readListingPages(repo, manifest))
    for (const line of lines) yield decodeListingLine(line);
}
