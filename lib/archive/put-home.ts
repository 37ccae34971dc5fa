// Archives the sessions of one home: many at a time, of whatever its runtime makes them.
import { hash } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import { createCollector } from "../files/memory.ts";
import { joinPath } from "../files/os-path.ts";
import { toFileError } from "../files/errors.ts";
import { pathsChangedSince } from "../custody/receipt-changes.ts";
import { readReceipt } from "../formats/archive/archive-reader.ts";
import { archiveKey, receiptBytes, ROWS, type Receipt } from "../formats/archive/receipt.ts";
import { mapConcurrently } from "../policy/concurrency.ts";
import type { Deps } from "../records/deps.ts";
import { EXIT, ToolError } from "../records/error.ts";
import type { AnyRecord } from "../records/record.ts";
import type { Tally } from "../records/summary.ts";
import type { SessionRecord } from "../records/runtime-kinds.ts";
import type { HomeCustody, LocalSession } from "../sources/custody.ts";
import type { Target } from "../targets/target.ts";
import { ArchivePool } from "./archive-pool.ts";
import { packPathOf, type Packed, type PackRequest } from "./pack.ts";
import { archiveRecord, plannedPutAction, skippedPutAction } from "./records.ts";
import { writeReceiptUpload } from "./receipt-upload.ts";
import { hasOwnRows, RowReader } from "./row-reader.ts";
import { Uploader } from "./uploader.ts";
import { foreignOwner, type Owner } from "../files/as-owner.ts";
import { assertNoLinks, locate } from "../journal/locations.ts";

export interface HomePutOptions {
  readonly custody: HomeCustody;
  readonly target: Target;
  readonly versions: PackRequest["versions"];
  readonly dryRun: boolean;
  readonly tally: Tally;
  readonly deps: Deps;
}

/** What is synced, put and read back together. */
const BATCH = 256;
const BATCH_BYTES = 1 << 30;
const TRIES = 5;
const BETWEEN_MS = 25;

/** A session of which the target has something already. */
interface Archived {
  readonly session: SessionRecord;
  readonly receipt: Receipt;
  readonly local: LocalSession;
}

interface Skipped {
  readonly skipped: AnyRecord;
}

/** Where packing has to do with one batch. */
interface Bench {
  readonly stage: string;
  readonly pool: ArchivePool;
}

export class HomePut {
  readonly #options: HomePutOptions;
  readonly #collect = createCollector();
  #total = 0;
  #done = 0;

  constructor(options: HomePutOptions) {
    this.#options = options;
  }

  async *put(sessions: readonly SessionRecord[]): AsyncGenerator<AnyRecord> {
    const { dryRun, target, deps } = this.#options;
    const pending: SessionRecord[] = [];
    for (const batch of batches(sessions)) yield* this.#sortOut(batch, pending);
    if (dryRun) {
      for (const session of pending) yield this.#plan(session);
      return;
    }
    const owner = this.#targetOwner();
    if (pending.length === 0) return owner === undefined ? Uploader.removeStale(target) : undefined;
    this.#total = pending.length;
    using uploader = new Uploader(target, deps, owner);
    await using pool = new ArchivePool(sizeOf(pending), deps);
    for (const batch of batches(pending)) yield* this.#batch(batch, uploader, pool);
  }

  /** In the home itself nothing is put through a link, and what root puts there is the home's owner's. */
  #targetOwner(): Owner | undefined {
    const { custody, target } = this.#options;
    const { root } = custody.home;
    if (target.dir === undefined || !target.dir.startsWith(`${root}/`)) return undefined;
    const roots = new Map([["home", root]]);
    assertNoLinks(roots, `${locate(roots, target.dir)}/file`);
    return foreignOwner(root);
  }

  /** A record for each that is skipped, or archived already; those that are to be archived go to `pending`. */
  async *#sortOut(sessions: readonly SessionRecord[], pending: SessionRecord[]): AsyncGenerator<AnyRecord> {
    const found: (Skipped | Archived | SessionRecord)[] = [];
    for (const session of sessions) found.push(await this.#look(session));
    const archived = found.flatMap((one) => ("local" in one ? one.local : []));
    const reader = new RowReader(this.#options.custody, archived.filter(hasOwnRows));
    for (const one of found) {
      if ("skipped" in one) yield one.skipped;
      else if ("local" in one) yield await this.#compared(one, reader);
      else pending.push(one);
    }
  }

  /** The session itself where it is to be archived. */
  async #look(session: SessionRecord): Promise<Skipped | Archived | SessionRecord> {
    const { custody, target } = this.#options;
    const reason = custody.reasonAgainst(session);
    if (reason !== undefined) return { skipped: this.#skip(session, reason) };
    try {
      const receipt = await readReceipt(target, session.id);
      if (!receipt) return session;
      const local = custody.inspect(session);
      return local ? { session, receipt, local } : { skipped: this.#skip(session, NOT_HERE) };
    } catch (error) {
      if (!(error instanceof ToolError) || error.code !== "E_RECEIPT_DAMAGED") throw error;
      return { skipped: this.#skip(session, `${error.message}: move it away, then archive again`) };
    }
  }

  async #compared({ session, receipt, local }: Archived, reader: RowReader): Promise<AnyRecord> {
    const { target, tally } = this.#options;
    const head = await target.head(archiveKey(session.id));
    const changed = pathsChangedSince(receipt, local.paths);
    if (hasOwnRows(local) && rowsChangedSince(receipt, reader.read(local).rows.lines)) changed.push(ROWS);
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
    this.#options.tally.failed(EXIT.partial);
    return skippedPutAction(session, this.#options.target.url, reason);
  }

  #plan(session: SessionRecord): AnyRecord {
    const action = plannedPutAction(session, this.#options.target.url);
    this.#options.tally.done(action.bytes);
    return action;
  }

  async *#batch(sessions: readonly SessionRecord[], uploader: Uploader, pool: ArchivePool): AsyncGenerator<AnyRecord> {
    const { target, tally, deps } = this.#options;
    const stage = uploader.stage();
    const made = await this.#pack(sessions, { stage, pool });
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

  #pack(sessions: readonly SessionRecord[], bench: Bench): Promise<(Packed | Skipped)[]> {
    const { custody, deps } = this.#options;
    const found = sessions.map((session) => ({ session, local: custody.inspect(session) }));
    const reader = new RowReader(
      custody,
      found.flatMap(({ local }) => local ?? []),
    );
    return mapConcurrently(found, bench.pool.concurrency, async ({ session, local }) => {
      deps.signal.throwIfAborted();
      this.#collect(session.events_bytes ?? 0);
      if (!local) return { skipped: this.#skip(session, NOT_HERE) };
      return this.#tryPack(local, reader.read(local), bench);
    });
  }

  async #tryPack(local: LocalSession, rows: ReturnType<RowReader["read"]>, bench: Bench): Promise<Packed | Skipped> {
    try {
      return await this.#packUntilSame(local, rows, bench);
    } catch (error) {
      const toolError = toFileError(joinPath(bench.stage, archiveKey(local.id)), "write", error);
      if (!(toolError instanceof ToolError) || toolError.exit !== EXIT.partial) throw toolError;
      return { skipped: this.#skip(local.session, toolError.message) };
    }
  }

  /** Throws E_BUSY (3) when the session is written to all the time. */
  async #packUntilSame(
    first: LocalSession,
    rows: ReturnType<RowReader["read"]>,
    { stage, pool }: Bench,
  ): Promise<Packed> {
    const { custody, versions, deps } = this.#options;
    const { runtime, root, id } = custody.home;
    const { session } = first;
    assertReadable(first);
    let [local, now] = [first, rows];
    for (let tries = 1; ; tries++) {
      const { partition, unexpected } = local;
      const paths = local.paths.map(packPathOf);
      const request = { home: { runtime, root, id }, session, partition, paths, unexpected, ...now, versions, stage };
      const packed = await pool.pack(request);
      if (packed) return packed;
      if (tries === TRIES) throw busy(session);
      await wait(BETWEEN_MS, undefined, { signal: deps.signal });
      local = custody.inspect(session) ?? local;
      now = new RowReader(custody, [local]).read(local);
    }
  }
}

const NOT_HERE = "it has no files and no rows here";

/** Throws (3) where a part of the session cannot be read: an archive without it would pass for all of it. */
function assertReadable({ unexpected }: LocalSession): void {
  const broken = unexpected.find(({ code }) => code !== undefined);
  if (!broken) return;
  const message = `${broken.path} cannot be archived: ${broken.reason}`;
  throw new ToolError({ code: `E_${broken.code}`, message, hint: "agh-inspect paths", exit: EXIT.partial });
}

const rowsChangedSince = ({ files }: Receipt, lines: string): boolean =>
  hash("sha256", Buffer.from(lines)) !== files.find(({ path }) => path === ROWS)?.sha256;

const busy = ({ id }: SessionRecord): ToolError =>
  new ToolError({
    code: "E_BUSY",
    message: `session ${id} is written to while it is read`,
    hint: "run it again when the session is idle",
    exit: EXIT.partial,
  });

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
