// Builds the indexes of a repository from its packs: what no valid index names is read, what is missing is dropped.
import { limitHeap } from "../../files/memory.ts";
import { chunkId } from "../../formats/repository/chunk.ts";
import type { PackLine } from "../../formats/repository/chunk-index.ts";
import { INDEXES, nameIn, packKey, PACKS } from "../../formats/repository/layout.ts";
import { openForWriting } from "../../formats/repository/authorship/open-for-writing.ts";
import type { IndexFile } from "../../formats/repository/read-indexes.ts";
import type { Repository } from "../../formats/repository/repository.ts";
import { ulid } from "../../formats/ulid.ts";
import type { Deps } from "../../records/deps.ts";
import { asPartial, EXIT, ToolError } from "../../records/error.ts";
import type { Finding } from "../../records/result-kinds.ts";
import type { AnyRecord } from "../../records/record.ts";
import { Tally } from "../../records/summary.ts";
import { fillCache } from "./cache.ts";
import { INDEX_FILES, replaceIndexes } from "./merge-indexes.ts";
import { lockPrune } from "../prune-lock.ts";
import { readPack } from "./read-pack.ts";

export interface Reindex {
  readonly repo: string;
  /** Read every pack, also those that a sound index names. */
  readonly full: boolean;
  /** How long to wait for a prune; */
  readonly lockTimeoutMs: number;
  readonly dryRun?: boolean;
}

/** Yields a `finding` for each fault (1) and a `summary`. Nothing is written when the indexes are what they should be. */
export async function* reindexRepository(options: Reindex, deps: Deps): AsyncGenerator<AnyRecord> {
  const repo = await openForWriting(options.repo, { env: deps.env, signs: false, pins: options.dryRun !== true });
  repo.requireIdentity();
  limitHeap();
  const tally = new Tally("agh-backup reindex", deps, ulid(deps.now()));
  await using _lock = options.dryRun ? undefined : await lockPrune(repo, options.lockTimeoutMs, deps);
  for await (const finding of new ReindexRun(repo, options, deps, tally).make()) {
    if (finding.severity === "error") tally.failed(EXIT.found);
    yield finding;
  }
  yield tally.summary(options.dryRun ? { status: "planned" } : {});
}

class ReindexRun {
  #repo: Repository;
  #options: Reindex;
  #deps: Deps;
  #tally: Tally;
  /** The index files there are; a damaged one has no lines. */
  #files: IndexFile[] = [];
  #lines = new Map<string, PackLine>();
  #changed = false;

  constructor(repo: Repository, options: Reindex, deps: Deps, tally: Tally) {
    this.#repo = repo;
    this.#options = options;
    this.#deps = deps;
    this.#tally = tally;
  }

  async *make(): AsyncGenerator<Finding> {
    // Indexes before packs: a run that publishes meanwhile puts its packs first, so none of its lines looks forsaken.
    yield* this.#readIndexes();
    const existing = new Set<string>();
    for await (const { key } of this.#repo.target.list(PACKS)) existing.add(nameIn(key));
    yield* this.#dropMissing(existing);
    yield* this.#readPacks(existing);
    if (this.#options.dryRun) return;
    if (this.#changed || this.#files.length > INDEX_FILES) await this.#write();
    await fillCache(this.#repo, (error) => this.#deps.log.problem(asPartial(error)));
  }

  async *#readIndexes(): AsyncGenerator<Finding> {
    for await (const { key } of this.#repo.target.list(INDEXES)) {
      const bytes = await this.#repo.target.get(key);
      if (!bytes) continue; // merged by another run; its packs are read, if need be
      const lines = chunkId(bytes) === nameIn(key) ? await soundLines(this.#repo, key) : undefined;
      this.#files.push({ key, lines: lines ?? [] });
      for (const line of lines ?? []) this.#lines.set(line.pack, line);
      if (lines) continue;
      this.#changed = true;
      yield finding("INDEX_DAMAGED", "warn", key, "does not match its name; its contents are read from the packs");
    }
  }

  async *#dropMissing(existing: ReadonlySet<string>): AsyncGenerator<Finding> {
    for (const [pack, { chunks }] of this.#lines) {
      if (existing.has(pack) || (await this.#repo.target.head(packKey(pack)))) continue;
      this.#lines.delete(pack);
      this.#changed = true;
      yield finding("PACK_MISSING", "error", packKey(pack), "is missing; it is removed from the indexes", {
        chunks: chunks.length,
      });
    }
  }

  async *#readPacks(existing: ReadonlySet<string>): AsyncGenerator<Finding> {
    const unread = [...existing].filter((pack) => this.#options.full || !this.#lines.has(pack));
    for (const [number, pack] of unread.entries()) {
      this.#deps.signal.throwIfAborted();
      this.#deps.progress.update({ label: "packs read", done: number, total: unread.length });
      const read = await readPack(this.#repo, pack, this.#lines.get(pack));
      if (!read) continue;
      this.#tally.done();
      if (read.line.chunks.length > 0) this.#addLine(read.line);
      if (!read.damaged) continue;
      yield finding(
        "PACK_DAMAGED",
        "error",
        packKey(pack),
        "does not match its name; its undamaged chunks are indexed",
        {
          chunks: read.line.chunks.length,
        },
      );
    }
  }

  /** A line that says what is known already changes nothing. */
  #addLine(line: PackLine): void {
    const before = this.#lines.get(line.pack);
    if (before && JSON.stringify(before) === JSON.stringify(line)) return;
    this.#lines.set(line.pack, line);
    this.#changed = true;
  }

  async #write(): Promise<void> {
    const lines = [...this.#lines.values()];
    const written = await replaceIndexes(this.#repo, [], lines);
    for (const { key } of this.#files) if (!written.has(key)) await this.#repo.target.delete(key);
  }
}

async function soundLines(repo: Repository, key: string): Promise<readonly PackLine[] | undefined> {
  try {
    return await repo.indexLines(key);
  } catch (error) {
    if (error instanceof ToolError && error.code === "E_INDEX_DAMAGED") return undefined;
    throw error;
  }
}

function finding(code: string, severity: Finding["severity"], id: string, message: string, evidence = {}): Finding {
  return { kind: "finding", id, code, severity, message: `${id} ${message}`, evidence };
}
