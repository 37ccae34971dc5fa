// Looks for damage in a repository: what belongs together is there, and (full) every byte is what was written.
import { limitHeap } from "../../files/memory.ts";
import { chunkId } from "../../formats/repository/chunk.ts";
import { ChunkIndex, decodeIndex, type PackLine } from "../../formats/repository/chunk-index.ts";
import { findVanishedSnapshots, readKnownObjects } from "../../formats/repository/known-objects.ts";
import {
  ACCEPTED,
  DRILLS,
  INDEXES,
  MARKS,
  nameIn,
  packKey,
  PACKS,
  REPOSITORY_KEY,
  snapshotKey,
} from "../../formats/repository/layout.ts";
import type { Manifest } from "../../formats/repository/manifest.ts";
import { openDamaged } from "../../formats/repository/open-damaged.ts";
import {
  decodeRepository,
  openWithFile,
  readRepositoryFile,
  type Repository,
} from "../../formats/repository/repository.ts";
import { decodeSealed } from "../../formats/sealed-json.ts";
import { findManifest, resolveSnapshot, snapshotIds, type SnapshotFilter } from "../../formats/repository/snapshots.ts";
import { ulid } from "../../formats/ulid.ts";
import type { Deps } from "../../records/deps.ts";
import { EXIT, usageError } from "../../records/error.ts";
import type { Finding } from "../../records/result-kinds.ts";
import type { AnyRecord } from "../../records/record.ts";
import { Tally } from "../../records/summary.ts";
import { targetOf, type Target } from "../../targets/target.ts";
import { dailySample } from "../../policy/daily-sample.ts";
import { checkAuthorship } from "./check-authorship.ts";
import { verifyDeep, type SeenDatabases } from "./verify-deep.ts";
import { checkListing, findPathsNeeding, type NeededChunks } from "./verify-listing.ts";
import { checkPack } from "./verify-pack.ts";

export interface VerifyRepository extends SnapshotFilter {
  readonly repo: string;
  /** Full ids, unique prefixes or `latest`. */
  readonly ids: readonly string[];
  readonly all: boolean;
  /** Ids came from stdin: none of them is nothing to do. */
  readonly piped?: boolean;
  readonly level: "quick" | "full" | "deep";
  /** The part of packs and databases that is read today; all unless given. */
  readonly sample?: number | undefined;
}

/** Yields one `finding` per fault (exit 1) and a `summary`. */
export async function* verifyRepository(options: VerifyRepository, deps: Deps): AsyncGenerator<AnyRecord> {
  if (options.ids.length === 0 && !options.all && !options.piped)
    throw usageError("no snapshots are named", "name their ids, or latest, or use --all");
  if (options.level !== "quick") limitHeap();
  const target = targetOf(options.repo);
  const file = decodeRepository(await readRepositoryFile(target));
  const opening = { env: deps.env };
  const repo = await (file ? openWithFile(target, file, opening) : openDamaged(target, opening));
  repo.requireIdentity();
  const tally = new Tally("agh-backup verify", deps, ulid(deps.now()));
  for await (const finding of new Verification(repo, options, deps, tally).faults(file !== undefined)) {
    if (finding.severity === "error") tally.failed(EXIT.found);
    yield finding;
  }
  yield tally.summary();
}

class Verification {
  #target: Target;
  #repo: Repository;
  #options: VerifyRepository;
  #deps: Deps;
  #tally: Tally;
  #index = new ChunkIndex();
  /** Sound index files: read again pack by pack rather than kept. */
  #indexes: string[] = [];
  #isTurn: (digest: string) => boolean;

  constructor(repo: Repository, options: VerifyRepository, deps: Deps, tally: Tally) {
    this.#target = repo.target;
    this.#options = options;
    this.#deps = deps;
    this.#tally = tally;
    this.#repo = repo;
    this.#isTurn = options.sample === undefined ? () => true : dailySample(options.sample, deps.now());
    repo.useIndex(this.#index);
  }

  async *faults(sound: boolean): AsyncGenerator<Finding> {
    if (!sound) {
      yield fault("REPOSITORY_DAMAGED", REPOSITORY_KEY, "is not what init wrote");
    }
    yield* checkAuthorship(this.#repo, this.#options.all, this.#deps);
    if (!this.#repo.authorship) yield* this.#findVanished();
    yield* this.#checkIndexes();
    const manifests: Manifest[] = [];
    yield* this.#checkManifests(manifests);
    const need: NeededChunks = { chunks: new ChunkIndex(), pages: new Set() };
    for (const manifest of manifests) {
      yield* checkListing(this.#repo, manifest, need, this.#deps.signal);
      this.#tally.done();
    }
    yield* this.#checkPacks(manifests, need);
    if (this.#options.all) yield* this.#checkSealed();
    if (this.#options.level === "deep") yield* this.#checkDatabases(manifests);
  }

  /** Where nothing is signed, this machine's own list is all there is. */
  async *#findVanished(): AsyncGenerator<Finding> {
    const known = readKnownObjects(this.#repo, (error) => this.#deps.log.problem(error));
    yield* findVanishedSnapshots(this.#repo, known, new Set(await snapshotIds(this.#repo)));
  }

  /** Results of drills, acceptances, and marks of prune. */
  async *#checkSealed(): AsyncGenerator<Finding> {
    for (const [prefix, code] of [
      [DRILLS, "DRILL_DAMAGED"],
      [ACCEPTED, "ACCEPTANCE_DAMAGED"],
      [MARKS, "MARKS_DAMAGED"],
    ] as const) {
      for await (const { key } of this.#target.list(prefix)) {
        if (key.endsWith(".sig")) continue;
        const bytes = await this.#target.get(key);
        if (bytes && decodeSealed(bytes)?.["id"] !== nameIn(key)) yield fault(code, key, "is not what was written");
      }
    }
  }

  async *#checkDatabases(manifests: readonly Manifest[]): AsyncGenerator<Finding> {
    const seen: SeenDatabases = new Set();
    for (const manifest of manifests) {
      yield* verifyDeep(this.#repo, manifest, { seen, isTurn: this.#isTurn }, this.#deps);
    }
    this.#tally.done(0, seen.size);
  }

  async *#checkIndexes(): AsyncGenerator<Finding> {
    for await (const { key, size } of this.#target.list(INDEXES)) {
      const lines = await this.#linesOf(key);
      if (!lines) {
        yield fault(
          "INDEX_DAMAGED",
          key,
          "does not match its name; its packs are undamaged unless a finding names them",
        );
        continue;
      }
      for (const line of lines) {
        this.#index.addPack(line);
      }
      this.#indexes.push(key);
      this.#tally.done(size);
    }
  }

  /** Undefined when the file does not match its name. */
  async #linesOf(key: string): Promise<Iterable<PackLine> | undefined> {
    const bytes = await this.#target.get(key);
    if (!bytes || chunkId(bytes) !== nameIn(key)) return undefined;
    return decodeIndex(await this.#repo.open(bytes, key));
  }

  async *#checkManifests(sound: Manifest[]): AsyncGenerator<Finding> {
    for (const id of await this.#selectedIds()) {
      const manifest = await findManifest(this.#repo, id);
      if (manifest) sound.push(manifest);
      else yield fault("MANIFEST_DAMAGED", snapshotKey(id), "is not what create wrote");
    }
  }

  async #selectedIds(): Promise<readonly string[]> {
    const all = await snapshotIds(this.#repo);
    if (this.#options.all) return all;
    const ids = new Set<string>();
    for (const word of this.#options.ids) {
      // A full id needs no readable manifest: that is what is to be found out.
      ids.add(all.includes(word) ? word : (await resolveSnapshot(this.#repo, word, this.#options)).id);
    }
    return [...ids].sort();
  }

  async *#checkPacks(manifests: readonly Manifest[], need: NeededChunks): AsyncGenerator<Finding> {
    const sizes = await this.#packSizes();
    const { all, level } = this.#options;
    const deep = level === "quick" ? "quick" : "full";
    const needed = all ? undefined : packsOf(need, this.#index);
    const seen = new Set<string>();
    for await (const line of this.#packLines()) {
      this.#deps.signal.throwIfAborted();
      if (seen.has(line.pack)) continue;
      seen.add(line.pack);
      const size = sizes.get(line.pack);
      sizes.delete(line.pack);
      if (needed && !needed.has(line.pack)) continue;
      const today = this.#isTurn(line.pack) ? deep : "quick";
      const found = await checkPack(this.#repo, line, size, today);
      this.#tally.done(today === "full" ? size : 0);
      this.#deps.progress.update({ label: "packs checked", done: seen.size, total: this.#index.packs.length });
      if (!found) continue;
      const paths = await findPathsNeeding(this.#repo, manifests, new Set(found.chunks));
      yield fault(found.code, packKey(line.pack), found.message, { chunks: found.chunks.length, ...paths });
    }
    for (const pack of all ? sizes.keys() : []) {
      const known =
        deep === "full" && this.#isTurn(pack)
          ? await checkPack(this.#repo, { pack, chunks: [] }, sizes.get(pack), "name")
          : undefined;
      if (known) yield fault(known.code, packKey(pack), known.message);
      else
        yield {
          ...fault("PACK_UNKNOWN", packKey(pack), "no index names it: an interrupted run left it"),
          severity: "info",
        };
    }
  }

  async *#packLines(): AsyncGenerator<PackLine> {
    for (const key of this.#indexes) yield* (await this.#linesOf(key)) ?? [];
  }

  async #packSizes(): Promise<Map<string, number>> {
    const sizes = new Map<string, number>();
    for await (const { key, size } of this.#target.list(PACKS)) sizes.set(nameIn(key), size);
    return sizes;
  }
}

function packsOf(need: NeededChunks, index: ChunkIndex): ReadonlySet<string> {
  const packs = new Set<string>();
  for (const sha256 of need.chunks.ids()) {
    const place = index.find(sha256);
    if (place) packs.add(place.pack);
  }
  return packs;
}

function fault(code: string, id: string, message: string, evidence: object = {}): Finding {
  return { kind: "finding", id, code, severity: "error", message: `${id} ${message}`, evidence };
}
