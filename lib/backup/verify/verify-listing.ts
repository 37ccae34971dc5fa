// Whether a snapshot's listing can be read, and every chunk that it needs is known.
import type { ChunkIndex } from "../../formats/repository/chunk-index.ts";
import { snapshotKey } from "../../formats/repository/layout.ts";
import {
  chunksNeeded,
  chunksOf,
  decodeListingLine,
  decodePage,
  type ListingLine,
} from "../../formats/repository/listing.ts";
import type { Manifest } from "../../formats/repository/manifest.ts";
import type { Repository } from "../../formats/repository/repository.ts";
import { assertListing, readListing, readPageRefs } from "../../formats/repository/snapshots.ts";
import { ToolError } from "../../records/error.ts";
import type { Finding } from "../../records/result-kinds.ts";

/** What the snapshots looked at need, together. */
export interface NeededChunks {
  readonly chunks: ChunkIndex;
  /** Pages whose lines were looked at: snapshots share most of them. */
  readonly pages: Set<string>;
}

const SHOWN = 10;

/** A file that cannot be restored whole, and why. */
interface BrokenFiles {
  files: number;
  readonly paths: string[];
}

/** `isWhole`: reads every line in order, and says what restore would refuse. */
export async function* checkListing(
  repo: Repository,
  manifest: Manifest,
  { need, isWhole, signal }: { readonly need: NeededChunks; readonly isWhole: boolean; readonly signal: AbortSignal },
): AsyncGenerator<Finding> {
  const id = snapshotKey(manifest.id);
  const broken = { CHUNK_MISSING: noFiles(), SIZE_DIFFERS: noFiles() };
  try {
    for (const chunk of manifest.listing.chunks) need.chunks.announce(chunk);
    for (const { sha256 } of await readPageRefs(repo, manifest)) {
      signal.throwIfAborted();
      if (need.pages.has(sha256)) continue;
      need.chunks.announce(sha256);
      let isSound = true;
      for (const line of decodePage(await repo.chunk(sha256)).map(decodeListingLine)) {
        const fault = await findChunkFault(repo, line, need);
        if (!fault) continue;
        isSound = false;
        broken[fault].files++;
        if (broken[fault].paths.length < SHOWN) broken[fault].paths.push(nameOf(line));
      }
      if (isSound) need.pages.add(sha256);
    }
    if (isWhole) await assertListing(repo, manifest);
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    const code = error.code === "E_HOSTILE_PATH" ? "HOSTILE_PATH" : "LISTING_DAMAGED";
    yield finding(code, id, `its listing cannot be restored: ${error.message}`, {});
  }
  const { CHUNK_MISSING: missing, SIZE_DIFFERS: differs } = broken;
  if (missing.files > 0)
    yield finding("CHUNK_MISSING", id, `${missing.files} of its files need chunks that no index knows`, missing);
  if (differs.files > 0)
    yield finding(
      "SIZE_DIFFERS",
      id,
      `the chunks of ${differs.files} of its files hold more or less than they did`,
      differs,
    );
}

const noFiles = (): BrokenFiles => ({ files: 0, paths: [] });

async function findChunkFault(
  repo: Repository,
  line: ListingLine,
  need: NeededChunks,
): Promise<"CHUNK_MISSING" | "SIZE_DIFFERS" | undefined> {
  const index = await repo.index();
  let [isMissing, bytes] = [false, 0];
  for (const sha256 of chunksNeeded(line)) {
    need.chunks.announce(sha256);
    isMissing ||= index.find(sha256) === undefined;
  }
  if (isMissing) return "CHUNK_MISSING";
  for (const sha256 of chunksOf(line)) bytes += index.find(sha256)!.size;
  return line.type === "directory" || bytes === (line.size ?? 0) ? undefined : "SIZE_DIFFERS";
}

/** The files that need one of these chunks: how many, and the first of them. */
export async function findPathsNeeding(
  repo: Repository,
  manifests: readonly Manifest[],
  chunks: ReadonlySet<string>,
): Promise<{ readonly files: number; readonly paths: readonly string[]; readonly snapshots: readonly string[] }> {
  const paths: string[] = [];
  const snapshots = new Set<string>();
  let files = 0;
  for (const manifest of chunks.size === 0 ? [] : manifests) {
    if (manifest.listing.chunks.some((sha256) => chunks.has(sha256))) snapshots.add(manifest.id);
    try {
      for await (const line of readListing(repo, manifest)) {
        if (!chunksNeeded(line).some((sha256) => chunks.has(sha256))) continue;
        files++;
        snapshots.add(manifest.id);
        if (paths.length < SHOWN) paths.push(`${manifest.id}:${nameOf(line)}`);
      }
    } catch (error) {
      if (!(error instanceof ToolError)) throw error;
      snapshots.add(manifest.id); // that its listing cannot be read is a finding already
    }
  }
  return { files, paths, snapshots: [...snapshots] };
}

const nameOf = ({ root, path }: ListingLine): string => `${root}/${path}`;

function finding(code: string, id: string, message: string, evidence: object): Finding {
  return { kind: "finding", id, code, severity: "error", message: `${id}: ${message}`, evidence };
}
