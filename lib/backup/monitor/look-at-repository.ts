// What a monitor sees without reading a pack: manifests and indexes as they are stored, names and sizes of the packs, all
// against what they say of each other and what this machine remembers.
import { chunkId } from "../../formats/repository/chunk.ts";
import { decodeIndex, packSize, type PackLine } from "../../formats/repository/chunk-index.ts";
import {
  findVanishedSnapshots,
  readKnownObjects,
  rememberObjects,
  type KnownObjects,
} from "../../formats/repository/known-objects.ts";
import { INDEXES, nameIn, packKey, PACKS, snapshotKey } from "../../formats/repository/layout.ts";
import type { KnownSnapshot } from "../../formats/repository/local-state.ts";
import type { Manifest } from "../../formats/repository/manifest.ts";
import { readPruned } from "../../formats/repository/pruned.ts";
import type { Repository } from "../../formats/repository/repository.ts";
import { readStoredManifest, snapshotIds } from "../../formats/repository/snapshots.ts";
import type { Deps } from "../../records/deps.ts";
import { asPartial, EXIT, ToolError } from "../../records/error.ts";
import type { Finding } from "../../records/result-kinds.ts";

export interface RepositoryLook {
  /** All that can be read, newest first. */
  readonly manifests: readonly Manifest[];
  /** Snapshots that cannot be read, and what this machine cannot remember: each as a problem. */
  readonly problems: readonly ToolError[];
  /** What is missing, swapped or cut short. */
  readonly faults: readonly Finding[];
  /** How much was looked at, for evidence. */
  readonly lookedAt: LookedAt;
  /** Homes of which this machine knows snapshots. */
  readonly knownHomes: ReadonlySet<string>;
}

interface LookedAt {
  readonly snapshots: number;
  readonly indexes: number;
  readonly packs: number;
  /** In words. */
  readonly not: readonly string[];
}

/** Looks; where something is wrong, looks again: what another run removes meanwhile is no fault. */
export async function lookAtRepository(repo: Repository, deps: Deps): Promise<RepositoryLook> {
  const first = await new Look(repo, deps).run();
  if (first.faults.length + first.problems.length === 0) return first;
  const second = await new Look(repo, deps).run();
  const seenTwice = new Set(first.faults.map(faultKey));
  return { ...second, faults: second.faults.filter((fault) => seenTwice.has(faultKey(fault))) };
}

const faultKey = ({ code, id }: Finding): string => `${code} ${id}`;

/** As list, show and diff report them, which print things only. */
export const faultProblem = ({ code, message }: Finding, { url }: Repository): ToolError =>
  new ToolError({
    code: `E_${code}`,
    message: `${url}: ${message}`,
    hint: `agh-backup verify --all --repo ${url}`,
    exit: EXIT.partial,
  });

/** For what reads one snapshot: reports whatever is wrong with the repository that it lies in. */
export async function reportFaults(repo: Repository, deps: Deps): Promise<void> {
  const { faults, problems } = await lookAtRepository(repo, deps);
  for (const problem of problems) if (problem.code !== "E_IDENTITY_NEEDED") deps.log.problem(asPartial(problem));
  for (const fault of faults) deps.log.problem(faultProblem(fault, repo));
}

class Look {
  #repo: Repository;
  #deps: Deps;
  #manifests: Manifest[] = [];
  #problems: ToolError[] = [];
  #faults: Finding[] = [];
  #seen: { [id: string]: KnownSnapshot } = {};
  #indexes = 0;
  /** Indexes that only an identity opens. */
  #sealedIndexes = 0;
  /** Packs that an index names, and the size that it says. */
  #named = new Map<string, number>();

  constructor(repo: Repository, deps: Deps) {
    this.#repo = repo;
    this.#deps = deps;
  }

  /** Snapshots before indexes before packs: what a create publishes meanwhile is there by then. */
  async run(): Promise<RepositoryLook> {
    const ids = await snapshotIds(this.#repo);
    for (const id of ids.toReversed()) await this.#lookAtSnapshot(id);
    const unfound = new Map(this.#manifests.flatMap(({ id, listing }) => listing.chunks.map((chunk) => [chunk, id])));
    await this.#lookAtIndexes(unfound);
    const packs = await this.#lookAtPacks();
    if (this.#sealedIndexes === 0) {
      for (const id of new Set(unfound.values())) {
        this.#fault("LISTING_MISSING", snapshotKey(id), "has a listing that no index names");
      }
    }
    const knownHomes = await this.#compareWithKnown(new Set(ids), packs);
    return {
      manifests: this.#manifests,
      problems: this.#problems,
      faults: this.#faults,
      lookedAt: { snapshots: ids.length, indexes: this.#indexes, packs: packs.size, not: this.#notLookedAt() },
      knownHomes,
    };
  }

  #fault(code: string, id: string, message: string, evidence: object = {}): void {
    this.#faults.push({ kind: "finding", id, code, severity: "error", message: `${id} ${message}`, evidence });
  }

  async #lookAtSnapshot(id: string): Promise<void> {
    this.#deps.signal.throwIfAborted();
    try {
      await this.#repo.authorship?.assertNotPruned(id);
      const { manifest, stored } = await readStoredManifest(this.#repo, id);
      this.#manifests.push(manifest);
      this.#seen[id] = { home_id: manifest.home_id, ...stored };
      const known = this.#repo.localState?.seen.snapshots?.[id];
      if (!known || known.sha256 === stored.sha256) return;
      this.#fault("SNAPSHOT_CHANGED", snapshotKey(id), "is not the file that this machine knows");
    } catch (error) {
      if (!(error instanceof ToolError)) throw error;
      this.#problems.push(error);
    }
  }

  async #lookAtIndexes(unfound: Map<string, string>): Promise<void> {
    const seen = new Set<string>();
    for (let isMissing = true; isMissing;) {
      isMissing = false;
      for await (const { key } of this.#repo.target.list(INDEXES)) {
        if (seen.has(key)) continue;
        seen.add(key);
        this.#deps.signal.throwIfAborted();
        const bytes = await this.#repo.target.get(key);
        if (bytes) await this.#lookAtIndex(key, bytes, unfound);
        else isMissing = true; // merged by another run: what has its lines now shows at the next listing
      }
    }
  }

  async #lookAtIndex(key: string, bytes: Buffer, unfound: Map<string, string>): Promise<void> {
    this.#indexes++;
    if (chunkId(bytes) !== nameIn(key)) return this.#fault("INDEX_DAMAGED", key, "does not match its name");
    const content = this.#repo.isLocked ? this.#repo.cache?.read(key) : await this.#open(bytes, key);
    if (!content && this.#repo.isLocked) return void this.#sealedIndexes++;
    const lines = content && packLines(content);
    if (!lines) return this.#fault("INDEX_DAMAGED", key, "is not an index");
    for (const line of lines) {
      this.#named.set(line.pack, packSize(line));
      for (const [sha256] of line.chunks) unfound.delete(sha256);
    }
  }

  async #open(bytes: Buffer, key: string): Promise<Buffer | undefined> {
    try {
      return await this.#repo.open(bytes, key);
    } catch (error) {
      if (error instanceof ToolError && error.code === "E_AGE_DAMAGED") return undefined;
      throw error;
    }
  }

  /** Names of the packs there are. */
  async #lookAtPacks(): Promise<ReadonlySet<string>> {
    const existing = new Map<string, number>();
    for await (const { key, size } of this.#repo.target.list(PACKS)) existing.set(nameIn(key), size);
    for (const [pack, expected] of this.#named) {
      const size = existing.get(pack);
      if (size === undefined) this.#fault("PACK_MISSING", packKey(pack), "is missing");
      else if (size !== expected) this.#fault("PACK_SIZE", packKey(pack), `has ${size} bytes, not ${expected}`);
    }
    return new Set(existing.keys());
  }

  /** What vanished of what this machine has made or seen; then remembers what is there. The homes that it knows. */
  async #compareWithKnown(ids: ReadonlySet<string>, packs: ReadonlySet<string>): Promise<ReadonlySet<string>> {
    const known = readKnownObjects(this.#repo, (error) => this.#problems.push(error));
    for await (const finding of findVanishedSnapshots(this.#repo, known, ids)) this.#faults.push(finding);
    if (this.#sealedIndexes === 0) await this.#findUnnamed(known.packs, packs);
    if (this.#faults.length === 0) await this.#remember(known);
    return new Set(Object.values(known.snapshots).map(({ home_id }) => home_id));
  }

  async #findUnnamed(known: readonly string[], existing: ReadonlySet<string>): Promise<void> {
    const unnamed = known.filter((pack) => !this.#named.has(pack));
    if (unnamed.length === 0) return;
    const pruned = new Set((await readPruned(this.#repo)).packs);
    const lost = unnamed.filter((pack) => !pruned.has(pack));
    if (lost.length === 0) return;
    const stored = lost.filter((pack) => existing.has(pack)).length;
    const message = `no index names ${lost.length} packs that one has named, of which ${stored} are there`;
    this.#faults.push({
      kind: "finding",
      id: INDEXES,
      code: "INDEX_MISSING",
      severity: "error",
      message,
      evidence: { packs: lost.length, stored },
    });
  }

  async #remember(known: KnownObjects): Promise<void> {
    const snapshots = Object.fromEntries(Object.entries(this.#seen).filter(([id]) => !(id in known.snapshots)));
    await rememberObjects(this.#repo, { snapshots, packs: [...this.#named.keys()] }, this.#deps.log);
  }

  #notLookedAt(): readonly string[] {
    const sealed = this.#problems.filter(({ code }) => code === "E_IDENTITY_NEEDED").length;
    return [
      "contents of packs",
      ...(sealed > 0 ? [`${sealed} snapshots that only an identity opens`] : []),
      ...(this.#sealedIndexes > 0 ? [`${this.#sealedIndexes} indexes that only an identity opens`] : []),
      ...(this.#repo.localState ? [] : ["what vanished: this machine has no HOME to remember it in"]),
    ];
  }
}

/** Undefined where it is no list of packs: anybody can name a file by its digest. */
function packLines(content: Buffer): readonly PackLine[] | undefined {
  try {
    const lines = [...decodeIndex(content)];
    return lines.every(isPackLine) ? lines : undefined;
  } catch {
    return undefined;
  }
}

const isPackLine = (line: PackLine | null): boolean =>
  typeof line?.pack === "string" &&
  (line.bytes === undefined || typeof line.bytes === "number") &&
  Array.isArray(line.chunks) &&
  line.chunks.every((chunk: unknown) => Array.isArray(chunk) && typeof chunk[0] === "string");
