// Whether a snapshot's listing can be read, and every chunk that it needs is known.
import type { ChunkIndex } from "../../formats/repository/chunk-index.ts";
import { snapshotKey } from "../../formats/repository/layout.ts";
import { chunksNeeded, decodeListingLine, decodePage, type ListingLine } from "../../formats/repository/listing.ts";
import type { Manifest } from "../../formats/repository/manifest.ts";
import type { Repository } from "../../formats/repository/repository.ts";
import { readListing, readPageRefs } from "../../formats/repository/snapshots.ts";
import { ToolError } from "../../records/error.ts";
import type { Finding } from "../../records/result-kinds.ts";

/** What the snapshots looked at need, together. */
export interface NeededChunks {
  readonly chunks: ChunkIndex;
  /** Pages whose lines were looked at: snapshots share most of them. */
  readonly pages: Set<string>;
}

const SHOWN = 10;

export async function* checkListing(
  repo: Repository,
  manifest: Manifest,
  need: NeededChunks,
  signal: AbortSignal,
): AsyncGenerator<Finding> {
  const missing: string[] = [];
  let count = 0;
  try {
    for (const chunk of manifest.listing.chunks) need.chunks.announce(chunk);
    for (const { sha256 } of await readPageRefs(repo, manifest)) {
      signal.throwIfAborted();
      if (need.pages.has(sha256)) continue;
      need.chunks.announce(sha256);
      const lines = decodePage(await repo.chunk(sha256)).map(decodeListingLine);
      for (const line of lines) {
        if (await hasAllChunks(repo, line, need)) continue;
        count++;
        if (missing.length < SHOWN) missing.push(nameOf(line));
      }
      if (count === 0) need.pages.add(sha256);
    }
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    const id = snapshotKey(manifest.id);
    yield finding("LISTING_DAMAGED", id, `its listing cannot be read: ${error.message}`, {});
  }
  if (count > 0) {
    yield finding("CHUNK_MISSING", snapshotKey(manifest.id), `${count} of its files need chunks that no index knows`, {
      files: count,
      paths: missing,
    });
  }
}

async function hasAllChunks(repo: Repository, line: ListingLine, need: NeededChunks): Promise<boolean> {
  const index = await repo.index();
  let all = true;
  for (const sha256 of chunksNeeded(line)) {
    need.chunks.announce(sha256);
    all &&= index.find(sha256) !== undefined;
  }
  return all;
}

/** The files that need one of these chunks: how many, and the first of them. */
export async function findPathsNeeding(
  repo: Repository,
  manifests: readonly Manifest[],
  chunks: ReadonlySet<string>,
): Promise<{ readonly files: number; readonly paths: readonly string[] }> {
  const paths: string[] = [];
  let files = 0;
  for (const manifest of chunks.size === 0 ? [] : manifests) {
    try {
      for await (const line of readListing(repo, manifest)) {
        if (!chunksNeeded(line).some((sha256) => chunks.has(sha256))) continue;
        files++;
        if (paths.length < SHOWN) paths.push(`${manifest.id}:${nameOf(line)}`);
      }
    } catch (error) {
      if (!(error instanceof ToolError)) throw error; // a listing that cannot be read is a finding already
    }
  }
  return { files, paths };
}

const nameOf = ({ root, path }: ListingLine): string => `${root}/${path}`;

function finding(code: string, id: string, message: string, evidence: object): Finding {
  return { kind: "finding", id, code, severity: "error", message: `${id}: ${message}`, evidence };
}
