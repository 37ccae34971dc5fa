// Archives the sessions of one home: many at a time, of whatever its runtime makes them.
import { hash } from "node:crypto";
import { changesSince } from "../custody/receipt-changes.ts";
import { foreignOwner, type Owner } from "../files/as-owner.ts";
import { readReceipt } from "../formats/archive/archive-reader.ts";
import { laterFile, type LaterPart } from "../formats/archive/later-parts.ts";
import { ROWS, storedFiles, type Receipt } from "../formats/archive/receipt.ts";
import { assertNoLinks, locate } from "../journal/locations.ts";
import type { Deps } from "../records/deps.ts";
import { EXIT, ToolError } from "../records/error.ts";
import type { AnyRecord } from "../records/record.ts";
import type { SessionRecord } from "../records/runtime-kinds.ts";
import type { Tally } from "../records/summary.ts";
import type { HomeCustody, LocalSession } from "../sources/custody.ts";
import type { Target } from "../targets/target.ts";
import { ArchivePool } from "./archive-pool.ts";
import type { PackRequest } from "./pack.ts";
import { ArchivePlacer, type PendingAddition } from "./place-archives.ts";
import { archiveRecord, plannedPutAction, skippedPutAction } from "./records.ts";
import { hasOwnRows, RowReader } from "./row-reader.ts";
import { inspectSession, type Skipped } from "./session-packer.ts";
import { Uploader } from "./uploader.ts";

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

/** A session of which the target has something already. */
interface Archived {
  readonly session: SessionRecord;
  readonly receipt: Receipt;
  readonly local: LocalSession;
}

/** A session that is to be archived. */
export interface Pending {
  readonly session: SessionRecord;
  /** Of an archive that is not what it says. */
  readonly before?: Receipt;
}

/** What a put has to do. */
interface Work {
  readonly pending: Pending[];
  readonly additions: PendingAddition[];
}

export class HomePut {
  readonly #options: HomePutOptions;
  #done = 0;

  constructor(options: HomePutOptions) {
    this.#options = options;
  }

  async *put(sessions: readonly SessionRecord[]): AsyncGenerator<AnyRecord> {
    const { dryRun, target } = this.#options;
    const work: Work = { pending: [], additions: [] };
    const owner = dryRun ? undefined : this.#targetOwner();
    await using open = new AsyncDisposableStack();
    let opened: ArchivePlacer | undefined;
    const placer = (of: readonly SessionRecord[]): ArchivePlacer =>
      (opened ??= this.#openPlacer(open, owner, sizeOf(of)));
    for (const batch of batches(sessions.map((session) => ({ session })))) {
      yield* this.#sortOut(batch, work);
      const additions = work.additions.splice(0);
      if (dryRun) for (const { session } of additions) yield this.#plan(session);
      else if (additions.length > 0) yield* placer(sessions).add(additions, work.pending);
    }
    if (dryRun) {
      for (const { session } of work.pending) yield this.#plan(session);
      return;
    }
    const pending = work.pending.map(({ session }) => session);
    for (const batch of batches(work.pending)) yield* this.#counted(placer(pending).archive(batch), pending.length);
    if (!opened && owner === undefined) Uploader.removeStale(target);
  }

  #openPlacer(open: AsyncDisposableStack, owner: Owner | undefined, bytes: number): ArchivePlacer {
    const { target, deps } = this.#options;
    const uploader = open.use(new Uploader(target, deps, owner));
    const pool = open.use(new ArchivePool(bytes, deps));
    const skip = (session: SessionRecord, reason: string): AnyRecord => this.#skip(session, reason);
    return new ArchivePlacer(this.#options, { uploader, pool, skip, look: (session) => this.#lookAgain(session) });
  }

  async *#counted(records: AsyncIterable<AnyRecord>, total: number): AsyncGenerator<AnyRecord> {
    for await (const record of records) {
      yield record;
      this.#options.deps.progress.update({ label: "archived", done: ++this.#done, total, unit: "items" });
    }
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

  /** A record for each that is skipped, or archived already; the others are `work`. */
  async *#sortOut(sessions: readonly Pending[], work: Work): AsyncGenerator<AnyRecord> {
    const found: (Skipped | Archived | Pending)[] = [];
    for (const { session } of sessions) found.push(await this.#look(session));
    const archived = found.flatMap((one) => ("local" in one ? one.local : []));
    const reader = new RowReader(this.#options.custody, archived.filter(hasOwnRows));
    for (const one of found) {
      if ("skipped" in one) yield one.skipped;
      else if (!("local" in one)) work.pending.push(one);
      else {
        const record = await this.#compared(one, reader, work);
        if (record) yield record;
      }
    }
  }

  /** The session itself where it is to be archived. */
  async #look(session: SessionRecord): Promise<Skipped | Archived | Pending> {
    const { custody, target } = this.#options;
    const reason = custody.reasonAgainst(session);
    if (reason !== undefined) return { skipped: this.#skip(session, reason) };
    try {
      const receipt = await readReceipt(target, session.id);
      if (!receipt) return { session };
      const local = inspectSession(custody, session);
      return typeof local === "string" ? { skipped: this.#skip(session, local) } : { session, receipt, local };
    } catch (error) {
      if (!(error instanceof ToolError) || !error.code.startsWith("E_RECEIPT_")) throw error;
      const deed = error.code === "E_RECEIPT_DAMAGED" ? "move it away, then archive again" : error.hint;
      return { skipped: this.#skip(session, `${error.message}: ${deed}`) };
    }
  }

  /** A record of what is there now, where that needs nothing done. */
  async #lookAgain(session: SessionRecord): Promise<AnyRecord | undefined> {
    const found = await this.#look(session);
    if ("skipped" in found) return found.skipped;
    if (!("local" in found)) return undefined;
    return this.#compared(found, new RowReader(this.#options.custody, [found.local]), { pending: [], additions: [] });
  }

  /** Undefined where there is something to do. An archive that is not what its receipt says is made anew, whatever it once held. */
  async #compared(
    { session, receipt, local }: Archived,
    reader: RowReader,
    work: Work,
  ): Promise<AnyRecord | undefined> {
    const { target, tally, custody } = this.#options;
    const areOtherRows = hasOwnRows(local) && rowsChangedSince(receipt, reader.read(local).rows.lines);
    const [archive, ...isWhole] = await this.#areWhole(receipt);
    const later = (receipt.later ?? []).filter((_, index) => isWhole[index]);
    const lost = (receipt.later ?? []).filter((part) => !later.includes(part) && !isIn(local, part));
    if (lost.length > 0) return this.#skip(session, MISMATCH);
    const { added, changed } = changesSince({ files: receipt.files, later }, local, { custody });
    if (archive && (changed.length > 0 || areOtherRows)) {
      const paths = [...changed, ...(areOtherRows ? [ROWS] : [])].join(", ");
      return this.#skip(
        session,
        `an earlier state of it is archived there (${paths} changed since): name another target`,
      );
    }
    if (archive && added.length === 0) {
      tally.done();
      return { ...archiveRecord(target.url, receipt), status: "unchanged" };
    }
    if (target.dir === undefined && !target.replace)
      return this.#skip(session, `what came since is not archived, and ${target.url} cannot replace a receipt`);
    if (archive) work.additions.push({ session, receipt: { ...receipt, later }, before: receipt, local, files: added });
    else work.pending.push({ session, before: receipt });
    return undefined;
  }

  /** Of the archive, and of each later part: whether a file of its size is there. */
  #areWhole(receipt: Receipt): Promise<boolean[]> {
    const { target } = this.#options;
    return Promise.all(storedFiles(receipt).map(async ({ key, bytes }) => (await target.head(key))?.size === bytes));
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
}

const MISMATCH =
  "its archive does not match its receipt, and the home does not have what is missing: run agh-archive verify";

const isIn = ({ paths }: LocalSession, part: LaterPart): boolean =>
  paths.some(({ path }) => path === laterFile(part).path);

const rowsChangedSince = ({ files }: Receipt, lines: string): boolean =>
  hash("sha256", Buffer.from(lines)) !== files.find(({ path }) => path === ROWS)?.sha256;

const sizeOf = (sessions: readonly SessionRecord[]): number =>
  sessions.reduce((sum, { events_bytes }) => sum + (events_bytes ?? 0), 0);

function* batches<T extends Pending>(pending: readonly T[]): Generator<T[]> {
  let batch: T[] = [];
  let bytes = 0;
  for (const one of pending) {
    batch.push(one);
    bytes += one.session.events_bytes ?? 0;
    if (batch.length < BATCH && bytes < BATCH_BYTES) continue;
    yield batch;
    batch = [];
    bytes = 0;
  }
  if (batch.length > 0) yield batch;
}
