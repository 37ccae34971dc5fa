// The local cache of an encrypted repository: filled by who has the identity, rid of what nobody asks for.
import { INDEXES, PAGES, SNAPSHOTS } from "../../formats/repository/layout.ts";
import { decodeListingLine, decodePage, decodePageRef } from "../../formats/repository/listing.ts";
import { decodeManifest, type Manifest } from "../../formats/repository/manifest.ts";
import type { Repository } from "../../formats/repository/repository.ts";
import { listManifests } from "../../formats/repository/snapshots.ts";
import type { ToolError } from "../../records/error.ts";

/** Copies all indexes and manifests, and the listings that the next snapshots will be made along and compared with. */
export async function fillCache(repo: Repository, problem: (error: ToolError) => void): Promise<void> {
  const { cache } = repo;
  if (!cache || repo.isLocked) return;
  for await (const { key } of repo.target.list(INDEXES)) {
    const content = await repo.read(key);
    if (content) cache.write(key, content);
  }
  const needed = new NeededListings();
  for await (const manifest of listManifests(repo, {}, problem)) {
    const content = await repo.read(`${SNAPSHOTS}${manifest.id}.json`);
    if (content) cache.write(`${SNAPSHOTS}${manifest.id}.json`, content);
    if (!needed.has(manifest)) continue;
    for (const sha256 of await pagesOf(manifest, (chunk) => repo.chunk(chunk))) {
      cache.write(PAGES + sha256, await repo.chunk(sha256));
    }
  }
  await sweepCache(repo);
}

/** Of each home the newest snapshot, and the one that it was compared with; manifests come newest first. */
class NeededListings {
  readonly #homes = new Set<string>();
  readonly #references = new Set<string>();

  has({ id, home_id, reference }: Manifest): boolean {
    if (this.#homes.has(home_id)) return this.#references.has(id);
    this.#homes.add(home_id);
    if (typeof reference === "string") this.#references.add(reference);
    return true;
  }
}

/** Drops what the repository no longer has, and listings that no next snapshot is made along or compared with. */
export async function sweepCache({ target, cache }: Repository): Promise<void> {
  if (!cache) return;
  for (const prefix of [INDEXES, SNAPSHOTS]) {
    const existing = new Set<string>();
    for await (const { key } of target.list(prefix)) existing.add(key);
    cache.keep(prefix, existing);
  }
  const needed = new NeededListings();
  const pages = new Set<string>();
  for (const key of cache.keys(SNAPSHOTS).sort().reverse()) {
    const manifest = decodeManifest(cache.read(key) ?? Buffer.alloc(0));
    if (!manifest || !needed.has(manifest)) continue;
    const known = await pagesOf(manifest, async (chunk) => cache.read(PAGES + chunk) ?? Buffer.alloc(0));
    for (const sha256 of known) pages.add(PAGES + sha256);
  }
  cache.keep(PAGES, pages);
}

/** The chunks of a listing: those of the list of its pages, the pages, and the lists of sessions that these name. */
async function pagesOf({ listing }: Manifest, read: (chunk: string) => Promise<Buffer>): Promise<string[]> {
  const parts: Buffer[] = [];
  for (const chunk of listing.chunks) parts.push(await read(chunk));
  const refs = decodePage(Buffer.concat(parts)).map(decodePageRef);
  const sessions: string[] = [];
  for (const { sha256 } of refs) {
    for (const line of decodePage(await read(sha256))) {
      if (line.includes('"sessions":{')) sessions.push(...(decodeListingLine(line).database?.sessions?.chunks ?? []));
    }
  }
  return [...listing.chunks, ...refs.map(({ sha256 }) => sha256), ...sessions];
}
