// Puts archives and what is added to them where they belong: files first, read back from there, and only then their receipts.
import { createCollector } from "../files/memory.ts";
import { readReceipt } from "../formats/archive/archive-reader.ts";
import { laterFile, type LaterPart } from "../formats/archive/later-parts.ts";
import {
  archiveKey,
  encodeReceipt,
  receiptBytes,
  receiptOf,
  storedFiles,
  type Receipt,
} from "../formats/archive/receipt.ts";
import { mapConcurrently } from "../policy/concurrency.ts";
import { ToolError } from "../records/error.ts";
import type { AnyRecord } from "../records/record.ts";
import type { SessionRecord } from "../records/runtime-kinds.ts";
import type { ArchivePool } from "./archive-pool.ts";
import { stageLaterParts, type Addition, type StagedPart } from "./later-upload.ts";
import type { Packed } from "./pack.ts";
import type { HomePutOptions, Pending } from "./put-home.ts";
import { writeReceiptUpload } from "./receipt-upload.ts";
import { archiveRecord } from "./records.ts";
import { busy, SessionPacker, type Skip, type PackStage } from "./session-packer.ts";
import type { Upload, Uploaded, Uploader } from "./uploader.ts";

/** An archive that gets more. */
export type PendingAddition = Addition & Required<Pending>;

/** An archive that lies in the target, but for its receipt. */
interface Placed extends Pending {
  readonly receipt: Receipt;
  /** What this run has put for it. */
  readonly uploaded: readonly Uploaded[];
}

export interface PlacerContext {
  readonly uploader: Uploader;
  readonly pool: ArchivePool;
  readonly skip: Skip;
  /** What the target has of a session now; undefined where that is not the session as it is here. */
  readonly look: (session: SessionRecord) => Promise<AnyRecord | undefined>;
}

export class ArchivePlacer {
  readonly #options: HomePutOptions;
  readonly #context: PlacerContext;
  readonly #packer: SessionPacker;
  readonly #collect = createCollector();

  constructor(options: HomePutOptions, context: PlacerContext) {
    this.#options = options;
    this.#context = context;
    this.#packer = new SessionPacker(options, context.pool, context.skip);
  }

  /** Packs sessions whole. */
  async *archive(pending: readonly Pending[]): AsyncGenerator<AnyRecord> {
    const made = await this.#packer.pack(pending, this.#stage());
    for (const it of made) if ("skipped" in it) yield it.skipped;
    const packed = made.filter((it) => "receipt" in it);
    const uploaded = await this.#context.uploader.putFiles(packed.map(uploadOf));
    const placed = packed.map((one, index) => placedAs(one, uploaded[index]!));
    const { sound, damaged } = await this.#readBack(placed);
    for (const [one, error] of damaged) yield await this.#refused(one, error);
    yield* this.#receipted(sound, "archived");
  }

  /** Puts what came later beside each archive. Those whose archive turns out to be damaged go to `anew`. */
  async *add(additions: readonly PendingAddition[], anew: Pending[]): AsyncGenerator<AnyRecord> {
    const { signal } = this.#options.deps;
    const placed: Placed[] = [];
    for (const addition of additions) {
      signal.throwIfAborted();
      const staged = await stageLaterParts(addition, this.#stage());
      if (staged) placed.push(await this.#placeParts(addition, staged));
      else yield this.#context.skip(addition.session, busy(addition.session).message);
    }
    const { sound, damaged } = await this.#readBack(placed);
    for (const [{ session, before, uploaded }] of damaged) {
      await this.#removeUnnamed(uploaded, before);
      anew.push({ session, before: before! });
    }
    yield* this.#receipted(sound, "added");
  }

  async #placeParts({ session, receipt, before }: PendingAddition, staged: readonly StagedPart[]): Promise<Placed> {
    const uploaded = await this.#context.uploader.putFiles(staged.map(({ upload }) => upload));
    const parts = staged.map(({ part, upload }, index): LaterPart => {
      const { key } = uploaded[index]!;
      return key === upload.key ? part : { ...part, key };
    });
    const later = [...(receipt.later ?? []), ...parts].sort((a, b) => (a.name < b.name ? -1 : 1));
    return { session, before, receipt: receiptOf(receipt, receipt.archive!, later), uploaded };
  }

  async #readBack(placed: readonly Placed[]): Promise<{ sound: Placed[]; damaged: [Placed, ToolError][] }> {
    const { target, deps } = this.#options;
    const { pool } = this.#context;
    const errors = await mapConcurrently(placed, pool.concurrency, async ({ receipt }) => {
      deps.signal.throwIfAborted();
      this.#collect(receiptBytes(receipt));
      return pool.compare(target, receipt).then(() => undefined, damageOf);
    });
    return {
      sound: placed.filter((_, index) => errors[index] === undefined),
      damaged: placed.flatMap((one, index): [Placed, ToolError][] => (errors[index] ? [[one, errors[index]]] : [])),
    };
  }

  /** An archive that is not what was put: another run has written its own receipt, or the target cannot be relied on. */
  async #refused({ session, before, uploaded }: Placed, error: ToolError): Promise<AnyRecord> {
    if (before) {
      await this.#removeUnnamed(uploaded, before);
      return this.#context.skip(session, error.message);
    }
    const receipt = await readReceipt(this.#options.target, session.id);
    if (!receipt) throw error;
    return this.#overtaken(session, uploaded);
  }

  async *#receipted(placed: readonly Placed[], status: "archived" | "added"): AsyncGenerator<AnyRecord> {
    const { target, tally } = this.#options;
    const written = await this.#writeReceipts(placed);
    for (const one of placed) {
      const { session, receipt, uploaded } = one;
      if (!written.has(one)) {
        yield await this.#overtaken(session, uploaded);
        continue;
      }
      await this.#tidy(one);
      tally.done(storedFiles(receipt).reduce((sum, { bytes }) => sum + bytes, 0));
      yield { ...archiveRecord(target.url, receipt), status };
    }
  }

  /** Those whose receipt is the one that was to be written. */
  async #writeReceipts(placed: readonly Placed[]): Promise<ReadonlySet<Placed>> {
    const { uploader } = this.#context;
    const { stage, stageLabel } = this.#stage();
    const uploads = placed.map((one) => ({ one, upload: writeReceiptUpload(one.receipt, stage, stageLabel) }));
    const [fresh, others] = [uploads.filter(({ one }) => !one.before), uploads.filter(({ one }) => one.before)];
    const done = [
      ...(await uploader.putReceipts(fresh.map(({ upload }) => upload))),
      ...(await uploader.replaceReceipts(
        others.map(({ one, upload }) => ({ ...upload, expected: encodeReceipt(one.before!) })),
      )),
    ];
    return new Set([...fresh, ...others].flatMap(({ one }, index) => (done[index] ? one : [])));
  }

  /** What a killed run has put under the archive's own name goes; what an earlier receipt named stays, damaged as it is. */
  async #tidy({ session, receipt, before }: Placed): Promise<void> {
    const { target, deps } = this.#options;
    if (receipt.archive!.key === undefined || before?.archive!.key === receipt.archive!.key) return;
    if (!before) await this.#context.uploader.remove(archiveKey(session.id));
    else deps.log.info(`${target.url}/${archiveKey(session.id)} is not what its receipt said; it is left as it is`);
  }

  /** Another run has written a receipt in the meantime: what that says is what is there. */
  async #overtaken(session: SessionRecord, uploaded: readonly Uploaded[]): Promise<AnyRecord> {
    await this.#removeUnnamed(uploaded, await readReceipt(this.#options.target, session.id));
    const record = await this.#context.look(session);
    return record ?? this.#context.skip(session, "another run archives it at the same time: run it again");
  }

  async #removeUnnamed(uploaded: readonly Uploaded[], receipt: Receipt | undefined): Promise<void> {
    const named = receipt ? storedFiles(receipt).map(({ key }) => key) : [];
    for (const { key, isNew } of uploaded) {
      if (isNew && !named.includes(key)) await this.#context.uploader.remove(key);
    }
  }

  #stage(): PackStage {
    const { target, deps } = this.#options;
    return { stage: this.#context.uploader.stage(), stageLabel: target.dir ?? (deps.env["TMPDIR"] || "/tmp") };
  }
}

function damageOf(error: unknown): ToolError {
  if (error instanceof ToolError && error.code.startsWith("E_ARCHIVE_")) return error;
  throw error;
}

const uploadOf = ({ file, receipt: { session_id: id, archive } }: Packed): Upload => {
  const { bytes, sha256 } = archive!;
  return { key: archiveKey(id), otherKey: archiveKey(id, sha256), file, bytes, sha256 };
};

/** Later parts of a damaged archive stay with the new one where the home has them no more. */
function placedAs({ session, before, receipt }: Packed & Pending, uploaded: Uploaded): Placed {
  const { bytes, sha256 } = receipt.archive!;
  const archive = { bytes, sha256, ...(uploaded.key !== archiveKey(session.id) && { key: uploaded.key }) };
  const isPacked = (part: LaterPart): boolean => receipt.files.some(({ path }) => path === laterFile(part).path);
  const kept = (before?.later ?? []).filter((part) => !isPacked(part));
  return {
    session,
    receipt: receiptOf(receipt, archive, kept),
    ...(before && { before }),
    uploaded: [uploaded],
  };
}
