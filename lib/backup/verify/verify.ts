// Looks for damage in a repository: what belongs together is there, and (full) every byte is what was written.
import { limitHeap } from "../../files/memory.ts";
import { chunkId } from "../../formats/repository/chunk.ts";
import { ChunkIndex, decodeIndex, type PackLine } from "../../formats/repository/chunk-index.ts";
import { decodeAcceptance } from "../../formats/repository/acceptance.ts";
import { decodeDrill } from "../../formats/repository/drill-result.ts";
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
import { decodeMarks } from "../../formats/repository/prune-marks.ts";
import {
  decodeRepository,
  openWithFile,
  readRepositoryFile,
  type Repository,
} from "../../formats/repository/repository.ts";
import { findManifest, resolveSnapshot, snapshotIds, type SnapshotFilter } from "../../formats/repository/snapshots.ts";
import { ulid } from "../../formats/ulid.ts";
import type { Deps } from "../../records/deps.ts";
import { EXIT, ToolError, usageError } from "../../records/error.ts";
import type { Finding } from "../../records/result-kinds.ts";
import type { AnyRecord } from "../../records/record.ts";
import { Tally } from "../../records/summary.ts";
import { targetOf, type Target } from "../../targets/target.ts";
import { dailySample } from "../../policy/daily-sample.ts";
import { confirm, listKeys } from "./confirm-findings.ts";
import { noSnapshot } from "./no-snapshot.ts";
import { VerifyOutcomes } from "./verify-outcomes.ts";
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
  /** This toolkit's version; goes into the results. */
  readonly toolkit?: string;
  /** Look and report, and store no result. */
  readonly dryRun?: boolean | undefined;
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
  const open = (): Promise<Repository> =>
    file ? openWithFile(target, file, { env: deps.env }) : openDamaged(target, { env: deps.env });
  const repo = await open();
  repo.requireIdentity();
  const tally = new Tally("agh-backup verify", deps, ulid(deps.now()));
  const errors: Finding[] = [];
  const before = await listKeys(target);
  const first = new Verification(repo, options, deps, tally);
  for await (const finding of first.faults(file !== undefined)) {
    if (finding.severity === "error") errors.push(finding);
    else yield finding;
  }
  const again = async (known: readonly Finding[]): Promise<Finding[]> => {
    const silent = new Tally("agh-backup verify", deps, tally.run);
    const pass = new Verification(await open(), { ...options, repeat: known }, deps, silent);
    const found: Finding[] = [];
    for await (const finding of pass.faults(file !== undefined)) found.push(finding);
    return found;
  };
  for (const finding of await confirm(errors, { target, before, again })) {
    tally.failed(EXIT.found);
    first.outcomes.add(finding);
    yield finding;
  }
  if (options.level === "deep" && file) yield* first.outcomes.store(repo, options);
  yield tally.summary();
}

class Verification {
  /** What becomes of each snapshot that was looked at. */
  readonly outcomes: VerifyOutcomes;
  #target: Target;
  #repo: Repository;
  #options: VerifyRepository & { readonly repeat?: readonly Finding[] };
  #deps: Deps;
  #tally: Tally;
  #index = new ChunkIndex();
  /** Sound index files: read again pack by pack rather than kept. */
  #indexes: string[] = [];
  #isTurn: (digest: string) => boolean;

  /** `repeat`: only what these findings are about is read again. */
  constructor(
    repo: Repository,
    options: VerifyRepository & { readonly repeat?: readonly Finding[] },
    deps: Deps,
    tally: Tally,
  ) {
    this.outcomes = new VerifyOutcomes(deps);
    this.#target = repo.target;
    this.#options = options;
    this.#deps = deps;
    this.#tally = tally;
    this.#repo = repo;
    this.#isTurn = turnOf(options, deps);
    repo.useIndex(this.#index);
  }

  /** Snapshots before indexes before packs: what a run adds meanwhile is there before what names it. */
  async *faults(sound: boolean): AsyncGenerator<Finding> {
    const { all, level, piped, repeat, ids } = this.#options;
    if (!sound) {
      yield fault("REPOSITORY_DAMAGED", REPOSITORY_KEY, "is not what init wrote");
    }
    const existing = await snapshotIds(this.#repo);
    if (existing.length === 0 && !repeat && !(piped && ids.length === 0)) yield noSnapshot(this.#target.url);
    const manifests: Manifest[] = [];
    yield* this.#checkManifests(manifests, existing);
    yield* this.#checkIndexes();
    const need: NeededChunks = { chunks: new ChunkIndex(), pages: new Set() };
    for (const manifest of manifests) {
      yield* checkListing(this.#repo, manifest, { need, isWhole: level !== "quick", signal: this.#deps.signal });
      this.#tally.done();
    }
    yield* this.#checkPacks(manifests, need);
    if (all) yield* this.#checkSealed();
    if (level === "deep") yield* this.#checkDatabases(manifests);
  }

  /** Results of drills, what was accepted, and marks of prune. */
  async *#checkSealed(): AsyncGenerator<Finding> {
    for (const [prefix, code, decode] of [
      [DRILLS, "DRILL_DAMAGED", decodeDrill],
      [ACCEPTED, "ACCEPTANCE_DAMAGED", decodeAcceptance],
      [MARKS, "MARKS_DAMAGED", decodeMarks],
    ] as const) {
      for await (const { key } of this.#target.list(prefix)) {
        const bytes = await this.#target.get(key);
        if (bytes && decode(bytes)?.id !== nameIn(key)) yield fault(code, key, "is not what was written");
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

  /** Every index file that there is, also those that others are merged into meanwhile. */
  async *#checkIndexes(): AsyncGenerator<Finding> {
    const seen = new Set<string>();
    for (let isMissing = true; isMissing;) {
      isMissing = false;
      for await (const { key, size } of this.#target.list(INDEXES)) {
        if (seen.has(key)) continue;
        seen.add(key);
        const lines = await this.#linesOf(key);
        if (lines === "missing") isMissing = true;
        else if (lines === "damaged") yield fault("INDEX_DAMAGED", key, INDEX_DAMAGED);
        else {
          for (const line of lines) this.#index.addPack(line);
          this.#indexes.push(key);
          this.#tally.done(size);
        }
      }
    }
  }

  async #linesOf(key: string): Promise<readonly PackLine[] | "missing" | "damaged"> {
    const bytes = await this.#target.get(key);
    if (!bytes) return "missing";
    if (chunkId(bytes) !== nameIn(key)) return "damaged";
    try {
      return [...decodeIndex(await this.#repo.open(bytes, key))];
    } catch (error) {
      // Whoever can write there can give any bytes their name; a key that was not given is no damage.
      if (error instanceof ToolError && error.code !== "E_AGE_DAMAGED") throw error;
      return "damaged";
    }
  }

  async *#checkManifests(sound: Manifest[], existing: readonly string[]): AsyncGenerator<Finding> {
    for (const id of await this.#selectedIds(existing)) {
      const manifest = await findManifest(this.#repo, id);
      if (manifest === null) continue; // pruned since it was listed
      this.outcomes.begin(id, manifest?.home_id);
      if (manifest) sound.push(manifest);
      else yield fault("MANIFEST_DAMAGED", snapshotKey(id), "is not what create wrote");
    }
  }

  async #selectedIds(all: readonly string[]): Promise<readonly string[]> {
    if (this.#options.all || all.length === 0) return all;
    const ids = new Set<string>();
    for (const word of this.#options.ids) {
      // A full id needs no readable manifest: that is what is to be found out.
      if (all.includes(word)) ids.add(word);
      else if (!this.#options.repeat) ids.add((await resolveSnapshot(this.#repo, word, this.#options)).id);
      else for (const id of all) ids.add(id); // the findings say which of them were meant
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
    for (const key of this.#indexes) {
      const lines = await this.#linesOf(key);
      if (typeof lines !== "string") yield* lines;
    }
  }

  async #packSizes(): Promise<Map<string, number>> {
    const sizes = new Map<string, number>();
    for await (const { key, size } of this.#target.list(PACKS)) sizes.set(nameIn(key), size);
    return sizes;
  }
}

const INDEX_DAMAGED =
  "does not match its name, or is not an index; its packs are undamaged unless a finding names them";

/** Whose turn it is, by the digest of a pack or a database. */
function turnOf(
  { sample, repeat }: VerifyRepository & { readonly repeat?: readonly Finding[] },
  { now }: Deps,
): (digest: string) => boolean {
  if (repeat?.every(({ id }) => id!.startsWith(PACKS))) {
    const packs = new Set(repeat.map(({ id }) => nameIn(id!)));
    return (digest) => packs.has(digest);
  }
  return sample === undefined ? () => true : dailySample(sample, now());
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
