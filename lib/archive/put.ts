// Archives stopped sessions: written, read back from where they were put, compared event by event, then receipted.
import { statSync } from "node:fs";
import { dirname } from "node:path";
import { createCollector, limitSemiSpace } from "../files/memory.ts";
import { joinPath, osPath } from "../files/os-path.ts";
import { toFileError } from "../files/errors.ts";
import { readReceipt } from "../formats/archive/archive-reader.ts";
import { archiveKey, receiptBytes, type Receipt } from "../formats/archive/receipt.ts";
import { ulid } from "../formats/ulid.ts";
import { openWithCapability } from "../places/open-with-capability.ts";
import type { PlaceOptions } from "../places/detect-source.ts";
import { mapConcurrently } from "../policy/concurrency.ts";
import type { Deps } from "../records/deps.ts";
import { EXIT, ToolError, usageError } from "../records/error.ts";
import type { AnyRecord } from "../records/record.ts";
import { Tally } from "../records/summary.ts";
import type { SessionRecord } from "../records/runtime-kinds.ts";
import { archiveDir } from "../sources/agh/home/layout.ts";
import type { SessionFilter } from "../sources/source.ts";
import { targetOf, type Target } from "../targets/target.ts";
import { ArchivePool } from "./archive-pool.ts";
import { listArchiveInputs } from "../places/session-parts.ts";
import type { Packed, PackRequest } from "./pack.ts";
import { pathsChangedSince } from "../places/receipt-changes.ts";
import { archiveRecord, plannedPutAction, skippedPutAction } from "./records.ts";
import { writeReceiptUpload } from "./receipt-upload.ts";
import { CatalogRowReader } from "./catalog-row-reader.ts";
import { Uploader } from "./uploader.ts";
import { SessionHome } from "../places/session-home.ts";

export interface PutSessions {
  /** Homes, each with the sessions that are meant. */
  readonly from: readonly {
    readonly place: PlaceOptions & { readonly home?: string | undefined };
    readonly sessions: SessionFilter;
  }[];
  /** A directory or s3://; `session-archive` of each home unless given. */
  readonly to?: string | undefined;
  /** Version of the toolkit, for the receipts. */
  readonly toolkit: string;
  readonly dryRun?: boolean;
}

/** Yields an `archive` for each session that is archived now, an `action` for each that was skipped (3), and a `summary`. */
export async function* putSessions(options: PutSessions, deps: Deps): AsyncGenerator<AnyRecord> {
  const tally = new Tally("agh-archive put", deps, ulid(deps.now()));
  let sameFileSystem = false;
  limitSemiSpace(); // before the sessions are listed: threads may follow
  for (const { place, sessions } of options.from) {
    using opened = await openWithCapability(place, "archive", deps);
    const { home, source } = opened;
    if (options.to === undefined && (!home.live || source.archival))
      throw usageError(`${home.place} cannot hold archives`, "--to DIR, or s3://BUCKET/PREFIX");
    const target = targetOf(options.to ?? archiveDir(home.root));
    sameFileSystem ||= isSameFileSystem(target, home.root);
    if (source.archival) {
      const { putRowSessions } = await import("./put-rows.ts");
      const archival = await source.archival();
      const put = {
        opened,
        archival,
        sessions,
        target,
        versions: versionsOf(options),
        dryRun: options.dryRun === true,
      };
      yield* putRowSessions(put, deps, tally);
      continue;
    }
    const from = await SessionHome.open(home, deps);
    const run = new Run({ options, target, from, tally, deps });
    const chosen: SessionRecord[] = [];
    for await (const session of source.sessions(home, sessions, deps)) chosen.push(session);
    yield* run.put(chosen);
  }
  if (sameFileSystem) deps.log.info("the archives are on the same file system as the home: they are lost with it");
  yield tally.summary({
    ...(options.dryRun && { status: "planned" as const }),
    ...(sameFileSystem && { same_file_system: true }),
  });
}

const versionsOf = ({ toolkit }: PutSessions): PackRequest["versions"] => ({
  toolkit,
  sqlite: process.versions.sqlite ?? "",
});

function isSameFileSystem({ dir }: Target, root: string): boolean {
  if (dir === undefined) return false;
  for (let at = dir; ; at = dirname(at)) {
    const stat = statSync(osPath(at), { throwIfNoEntry: false });
    if (stat) return stat.dev === statSync(osPath(root)).dev;
  }
}

interface RunParts {
  readonly options: PutSessions;
  readonly target: Target;
  readonly from: SessionHome;
  readonly tally: Tally;
  readonly deps: Deps;
}

/** What is synced, put and read back together. */
const BATCH = 256;
const BATCH_BYTES = 1 << 30;

class Run {
  #parts: RunParts;
  #collect = createCollector();
  #total = 0;
  #done = 0;

  constructor(parts: RunParts) {
    this.#parts = parts;
  }

  async *put(sessions: readonly SessionRecord[]): AsyncGenerator<AnyRecord> {
    const { options, target } = this.#parts;
    const pending: SessionRecord[] = [];
    for (const session of sessions) {
      const record = await this.#checkExisting(session);
      if (record) yield record;
      else pending.push(session);
    }
    if (options.dryRun) {
      for (const session of pending) yield this.#plan(session);
      return;
    }
    if (pending.length === 0) return Uploader.removeStale(target);
    this.#total = pending.length;
    using uploader = new Uploader(target, this.#parts.deps);
    await using pool = new ArchivePool(sizeOf(pending), this.#parts.deps);
    for (const batch of batches(pending)) yield* this.#batch(batch, uploader, pool);
  }

  /** A record for a session that is skipped, or archived already; undefined for one that is to be archived. */
  async #checkExisting(session: SessionRecord): Promise<AnyRecord | undefined> {
    const { from, target, tally } = this.#parts;
    const reason = from.reasonAgainst(session);
    if (reason !== undefined) return this.#skip(session, reason);
    let receipt: Receipt | undefined;
    try {
      receipt = await readReceipt(target, session.id);
    } catch (error) {
      if (!(error instanceof ToolError) || error.code !== "E_RECEIPT_DAMAGED") throw error;
      return this.#skip(session, `${error.message}: move it away, then archive again`);
    }
    if (!receipt) return undefined;
    const changed = pathsChangedSince(receipt, listArchiveInputs(this.#placesOf(session)).files);
    const head = await target.head(archiveKey(session.id));
    if (head?.size !== receipt.archive!.bytes)
      return this.#skip(session, "its archive does not match its receipt: run agh-archive verify");
    if (changed.length > 0) {
      return this.#skip(
        session,
        `an earlier state of it is archived there (${changed.join(", ")} changed since): name another target`,
      );
    }
    tally.done();
    return { ...archiveRecord(target.url, receipt), status: "unchanged" };
  }

  #skip(session: SessionRecord, reason: string): AnyRecord {
    this.#parts.tally.failed(EXIT.partial);
    return skippedPutAction(session, this.#parts.target.url, reason);
  }

  #plan(session: SessionRecord): AnyRecord {
    const action = plannedPutAction(session, this.#parts.target.url);
    this.#parts.tally.done(action.bytes);
    return action;
  }

  #placesOf({ id }: SessionRecord) {
    const { from } = this.#parts;
    const dir = from.directoryOf(id);
    if (dir === undefined) throw new Error(`session ${id} has lost its directory`);
    return { root: from.home.root, id, dir, bundles: from.bundlesOf(id), ...from.ledgerOf(id) };
  }

  async *#batch(sessions: readonly SessionRecord[], uploader: Uploader, pool: ArchivePool): AsyncGenerator<AnyRecord> {
    const { target, tally, deps, from } = this.#parts;
    const stage = uploader.stage();
    const catalog = new CatalogRowReader(
      from.home.root,
      sessions.map(({ id }) => id),
      deps,
    );
    const made = await mapConcurrently(sessions, pool.concurrency, async (session) => {
      deps.signal.throwIfAborted();
      this.#collect(session.events_bytes ?? 0);
      return this.#tryPack(session, { ...catalog.read(session.id), stage }, pool);
    });
    for (const it of made) if ("skipped" in it) yield it.skipped;
    const packed = made.filter((it) => "receipt" in it);
    await uploader.putArchives(
      packed.map(({ file, receipt }) => ({ key: archiveKey(receipt.session_id), file, ...receipt.archive! })),
    );
    await mapConcurrently(packed, pool.concurrency, async ({ receipt }) => {
      deps.signal.throwIfAborted();
      this.#collect(receiptBytes(receipt));
      await pool.compare(target, receipt);
    });
    await uploader.putReceipts(packed.map(({ receipt }) => writeReceiptUpload(receipt, stage)));
    for (const { receipt } of packed) {
      tally.done(receipt.archive!.bytes);
      yield { ...archiveRecord(target.url, receipt), status: "archived" };
    }
    this.#done += packed.length;
    deps.progress.update({ label: "archived", done: this.#done, total: this.#total, unit: "items" });
  }

  async #tryPack(
    session: SessionRecord,
    more: Pick<PackRequest, "rows" | "schema" | "stage">,
    pool: ArchivePool,
  ): Promise<Packed | { skipped: AnyRecord }> {
    const { options, from } = this.#parts;
    const { runtime, root, id } = from.home;
    const versions = versionsOf(options);
    try {
      return await pool.pack({ ...this.#placesOf(session), ...more, home: { runtime, root, id }, session, versions });
    } catch (error) {
      const toolError = toFileError(joinPath(more.stage, archiveKey(session.id)), "write", error);
      if (!(toolError instanceof ToolError) || toolError.exit !== EXIT.partial) throw toolError;
      return { skipped: this.#skip(session, toolError.message) };
    }
  }
}

const sizeOf = (sessions: readonly SessionRecord[]): number =>
  sessions.reduce((sum, { events_bytes }) => sum + (events_bytes ?? 0), 0);

function* batches(sessions: readonly SessionRecord[]): Generator<SessionRecord[]> {
  let batch: SessionRecord[] = [];
  let bytes = 0;
  for (const session of sessions) {
    batch.push(session);
    bytes += session.events_bytes ?? 0;
    if (batch.length < BATCH && bytes < BATCH_BYTES) continue;
    yield batch;
    batch = [];
    bytes = 0;
  }
  if (batch.length > 0) yield batch;
}
