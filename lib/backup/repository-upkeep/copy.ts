// Copies snapshots to another repository: only the chunks it lacks, each checked on its way, the manifest last.
import { createCollector, limitHeap } from "../../files/memory.ts";
import { chunksNeeded, decodeListingLine } from "../../formats/repository/listing.ts";
import { rememberObjects } from "../../formats/repository/known-objects.ts";
import { MarkWatch } from "../../formats/repository/prune-marks.ts";
import { encodeManifest, type Manifest } from "../../formats/repository/manifest.ts";
import { PackReader, type StoredChunk } from "../../formats/repository/pack-reader.ts";
import { openForWriting } from "../../formats/repository/authorship/open-for-writing.ts";
import { openRepository, type Repository } from "../../formats/repository/repository.ts";
import {
  assertListing,
  listManifests,
  readPageRefs,
  readListingPages,
  resolveSnapshot,
  snapshotIds,
  type SnapshotFilter,
} from "../../formats/repository/snapshots.ts";
import { ulid } from "../../formats/ulid.ts";
import type { Deps } from "../../records/deps.ts";
import { asPartial, placeError, ToolError, usageError } from "../../records/error.ts";
import type { AnyRecord } from "../../records/record.ts";
import { Tally } from "../../records/summary.ts";
import { sweepCache } from "./cache.ts";
import { copyProofs } from "./copy-proofs.ts";
import { ChunkSink } from "../chunk-sink.ts";
import { snapshotRecord } from "../records.ts";

export interface CopySnapshots extends SnapshotFilter {
  readonly repo: string;
  readonly toRepo: string;
  /** Full ids, unique prefixes or `latest`. */
  readonly ids: readonly string[];
  readonly all: boolean;
  /** Ids came from stdin: none of them is nothing to do. */
  readonly piped?: boolean;
  readonly dryRun?: boolean;
}

/** Bytes of new chunks after which what was copied is made findable: a run that is killed then goes on from there. */
const PORTION_BYTES = 1 << 30;

/** Yields each `snapshot` as it is there now, and a `summary`. One that is damaged is a problem (3); others go on. */
export async function* copySnapshots(options: CopySnapshots, deps: Deps): AsyncGenerator<AnyRecord> {
  if (options.ids.length === 0 && !options.all && !options.piped)
    throw usageError("no snapshots are named", "name their ids, or latest, or use --all");
  const from = await openRepository(options.repo, { env: deps.env });
  const to = await openDestination(options, deps);
  if (from.file.id === to.file.id) throw usageError("both are the same repository", "name another one with --to-repo");
  from.requireIdentity();
  limitHeap();
  const tally = new Tally("agh-backup copy", deps, ulid(deps.now()));
  const existing = new Set(await snapshotIds(to));
  const copied = new Set<string>();
  for (const manifest of await selectManifests(from, options, deps)) {
    if (!existing.has(manifest.id) && !options.dryRun) {
      const bytes = await skipDamaged(() => copyOne({ from, to, manifest, deps }), deps);
      if (bytes === undefined) continue; // reported as a problem
      tally.done(bytes);
    }
    copied.add(manifest.id);
    yield snapshotRecord(to.url, manifest);
  }
  if (!options.dryRun) await to.completeLog();
  if (!options.dryRun) await copyProofs({ from, to, snapshots: copied }, deps);
  yield tally.summary(options.dryRun ? { status: "planned" } : {});
}

/** The identity may be the other repository's: then this one is only added to, as create does. */
async function openDestination({ toRepo, dryRun = false }: CopySnapshots, deps: Deps): Promise<Repository> {
  // The public keys and the anchor are those of the source.
  const env = { ...deps.env, AGH_BACKUP_PUB: undefined, AGH_BACKUP_ANCHOR: undefined };
  const options = { pins: !dryRun, signs: !dryRun };
  try {
    return await openForWriting(toRepo, { ...options, env });
  } catch (error) {
    if (!(error instanceof ToolError) || error.code !== "E_IDENTITY") throw error;
    return openForWriting(toRepo, { ...options, env: { ...env, AGH_BACKUP_IDENTITY: undefined } });
  }
}

/** Oldest first. */
async function selectManifests(repo: Repository, options: CopySnapshots, { log }: Deps): Promise<Manifest[]> {
  const found = new Map<string, Manifest>();
  if (options.all) {
    const problem = (error: ToolError): void => log.problem(asPartial(error));
    for await (const manifest of listManifests(repo, options, problem)) found.set(manifest.id, manifest);
  }
  for (const word of options.ids) {
    const manifest = await resolveSnapshot(repo, word, options);
    found.set(manifest.id, manifest);
  }
  return [...found.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** Undefined when the source is damaged, which is reported. */
async function skipDamaged(copy: () => Promise<number>, { log }: Deps): Promise<number | undefined> {
  try {
    return await copy();
  } catch (error) {
    if (!isDamage(error)) throw error;
    log.problem(asPartial(error));
    return undefined;
  }
}

const DAMAGE: ReadonlySet<string> = new Set([
  "E_CHUNK_MISSING",
  "E_CHUNK_DAMAGED",
  "E_LISTING_DAMAGED",
  "E_HOSTILE_PATH",
]);

const isDamage = (error: unknown): error is ToolError => error instanceof ToolError && DAMAGE.has(error.code);

interface CopyJob {
  readonly from: Repository;
  readonly to: Repository;
  readonly manifest: Manifest;
  readonly deps: Deps;
}

/** Bytes that were stored. */
async function copyOne({ from, to, manifest, deps }: CopyJob): Promise<number> {
  const watch = await MarkWatch.begin(to);
  await using portions = new Portions({ from, to, deps, marked: watch.marked });
  try {
    await assertListing(from, manifest);
    await portions.pages([
      ...manifest.listing.chunks,
      ...(await readPageRefs(from, manifest)).map(({ sha256 }) => sha256),
    ]);
    for await (const { lines } of readListingPages(from, manifest)) {
      await portions.chunks(lines.flatMap((line) => chunksNeeded(decodeListingLine(line))));
    }
  } catch (error) {
    // What came before the damaged chunk goes on: other snapshots of this run take it as there.
    if (isDamage(error)) await portions.publish();
    throw error;
  }
  await portions.publish();
  await watch.assertMayPublish(deps.now());
  const { digest: _, ...content } = manifest;
  const stored = await to.putManifest(manifest.id, encodeManifest({ ...content, format: to.file.format }).bytes);
  await rememberObjects(to, { snapshots: { [manifest.id]: { home_id: manifest.home_id, ...stored } } }, deps.log);
  await sweepCache(to);
  return portions.storedBytes;
}

interface PortionOptions extends Omit<CopyJob, "manifest"> {
  /** Packs there that a prune may delete. */
  readonly marked: ReadonlySet<string>;
}

/** Chunks on their way, published every now and then. */
class Portions implements AsyncDisposable {
  storedBytes = 0;
  #options: PortionOptions;
  #packs: PackReader;
  #sink: ChunkSink;
  #collect = createCollector();

  constructor(options: PortionOptions) {
    this.#options = options;
    this.#packs = new PackReader(options.from.target, options.from.envelope);
    this.#sink = new ChunkSink(options.to, options);
  }

  async pages(ids: readonly string[]): Promise<void> {
    await this.#each(ids, (content) => this.#sink.storePage(content));
  }

  async chunks(ids: readonly string[]): Promise<void> {
    await this.#each(ids, (content) => this.#sink.store(content));
  }

  async #each(ids: readonly string[], store: (content: Buffer) => Promise<string>): Promise<void> {
    const { from, deps } = this.#options;
    const index = await from.index();
    const parts: StoredChunk[] = [];
    for (const sha256 of new Set(ids)) {
      if (!(await this.#sink.isMissing(sha256))) continue;
      const place = index.find(sha256);
      if (!place) throw missingChunk(from, sha256);
      parts.push({ sha256, ...place });
    }
    this.#packs.expect(parts);
    for (const part of parts) {
      deps.signal.throwIfAborted();
      const content = await this.#packs.content(part);
      if (!content) throw damagedChunk(from, part);
      await store(content);
      this.#collect(part.length + part.size);
      deps.progress.update({ label: "copied", done: this.storedBytes + this.#sink.newBytes, unit: "bytes" });
      if (this.#sink.newBytes >= PORTION_BYTES) await this.#next();
    }
  }

  async publish(): Promise<void> {
    await this.#sink.publish();
    this.storedBytes += this.#sink.storedBytes;
  }

  async #next(): Promise<void> {
    await this.publish();
    await this.#sink[Symbol.asyncDispose]();
    this.#sink = new ChunkSink(this.#options.to, this.#options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#packs[Symbol.dispose]();
    await this.#sink[Symbol.asyncDispose]();
  }
}

const missingChunk = ({ url }: Repository, sha256: string): ToolError =>
  placeError("E_CHUNK_MISSING", `${url}: no index lists chunk ${sha256}`, `agh-backup reindex --repo ${url}`);

const damagedChunk = ({ url }: Repository, { sha256, pack }: StoredChunk): ToolError =>
  placeError(
    "E_CHUNK_DAMAGED",
    `${url}: chunk ${sha256} in pack ${pack} is damaged or missing`,
    `agh-backup verify --all --level full --repo ${url}`,
  );
