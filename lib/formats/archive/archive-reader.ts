// Reads an archive from its target: every byte checked against its receipt on the way.
import { createHash, type Hash } from "node:crypto";
import { setImmediate as turn } from "node:timers/promises";
import { damagedArchive, TarReader, type EntrySink } from "../../files/tar-read.ts";
import type { TarEntry } from "../../files/tar-write.ts";
import { unzstd } from "../../files/zstd-frames.ts";
import { placeError, type ToolError } from "../../records/error.ts";
import type { Target } from "../../targets/target.ts";
import {
  archiveKey,
  decodeReceipt,
  innerReceipt,
  RECEIPT,
  receiptId,
  receiptKey,
  tarBytes,
  type Receipt,
  type ReceiptFile,
} from "./receipt.ts";

/** The receipt of a session; undefined when there is none. Damaged → E_RECEIPT_DAMAGED (6). */
export async function readReceipt(target: Target, id: string): Promise<Receipt | undefined> {
  const bytes = await target.get(receiptKey(id));
  if (!bytes) return undefined;
  const receipt = decodeReceipt(bytes);
  if (receipt?.session_id === id && receipt.archive) return receipt;
  throw placeError(
    "E_RECEIPT_DAMAGED",
    `${target.url}/${receiptKey(id)} is not a valid receipt`,
    "use another copy; the archive contains one too: tar --zstd -xf",
  );
}

/** Every receipt of a target in order of id; a damaged one goes to `problem` and is left out. */
export async function* listReceipts(
  target: Target,
  problem: (error: ToolError, id: string) => void,
): AsyncGenerator<Receipt> {
  for await (const { key } of target.list("")) {
    const id = receiptId(key);
    if (id === undefined) continue;
    try {
      const receipt = await readReceipt(target, id);
      if (receipt) yield receipt;
    } catch (error) {
      problem(error as ToolError, id);
    }
  }
}

/** Takes the content of a file of the archive; undefined where it is skipped. Its bytes are checked in either case. */
export type SinkFactory = (file: ReceiptFile) => EntrySink | undefined;

/** Called with the size of each buffer that reading leaves behind: see lib/files/memory.ts. */
export type OnBuffer = (bytes: number) => void;

/**
 * Reads the whole archive and hands out its files. Resolves when every byte is what the receipt says; until then what
 * was handed out proves nothing. Throws E_ARCHIVE_MISSING, E_ARCHIVE_TRUNCATED, E_ARCHIVE_DAMAGED (6), E_HOSTILE_ARCHIVE (4).
 */
export async function readArchive(
  target: Target,
  receipt: Receipt,
  sinkFor: SinkFactory,
  onBuffer: OnBuffer = () => undefined,
): Promise<void> {
  const key = archiveKey(receipt.session_id);
  const label = `${target.url}/${key}`;
  const head = await target.head(key);
  if (!head) throw placeError("E_ARCHIVE_MISSING", `${label} does not exist`, "use another copy");
  const expected = receipt.archive!;
  if (head.size !== expected.bytes) {
    throw damagedArchive(label, `it has ${head.size} bytes, and its receipt says ${expected.bytes}`);
  }
  const hash = createHash("sha256");
  const check = new ReceiptCheck(label, receipt, sinkFor);
  const tar = new TarReader({ label, entry: (entry) => check.entry(entry) });
  const pieces = unzstd({
    label,
    size: head.size,
    read: async (offset, length) => (await target.get(key, { offset, length })) ?? Buffer.alloc(0),
    onBytes: (bytes) => hash.update(bytes),
    limit: tarBytes(receipt),
  });
  for await (const bytes of pieces) {
    tar.push(bytes);
    onBuffer(bytes.length);
    await turn(); // signals and messages come in between
  }
  tar.end();
  check.end();
  if (hash.digest("hex") !== expected.sha256) throw damagedArchive(label, "its digest differs from its receipt");
}

/** Holds every entry against the receipt's list, which is in the same order. */
class ReceiptCheck {
  #label: string;
  #receipt: Receipt;
  #sinkFor: SinkFactory;
  #next = 0;
  #inner = false;

  constructor(label: string, receipt: Receipt, sinkFor: SinkFactory) {
    this.#label = label;
    this.#receipt = receipt;
    this.#sinkFor = sinkFor;
  }

  entry(entry: TarEntry): EntrySink {
    const top = `${this.#receipt.session_id}/`;
    const file = this.#receipt.files[this.#next++];
    if (!file) return this.#receiptEntry(entry, top + RECEIPT);
    const { path, type, size, mode } = file;
    if (
      entry.path !== top + path ||
      entry.type !== type ||
      entry.size !== size ||
      entry.mode !== Number.parseInt(mode, 8)
    ) {
      throw damagedArchive(this.#label, `${JSON.stringify(entry.path)} differs from its entry in the receipt`);
    }
    return this.#hashed(file, this.#sinkFor(file));
  }

  end(): void {
    if (!this.#inner) throw damagedArchive(this.#label, "it lacks files that its receipt lists");
  }

  #hashed(file: ReceiptFile, sink: EntrySink | undefined): EntrySink {
    const hash: Hash | undefined = file.type === "file" ? createHash("sha256") : undefined;
    return {
      write(bytes) {
        hash?.update(bytes);
        sink?.write(bytes);
      },
      end: () => {
        if (hash && hash.digest("hex") !== file.sha256) {
          throw damagedArchive(
            this.#label,
            `the content of ${JSON.stringify(file.path)} differs from what was archived`,
          );
        }
        sink?.end();
      },
    };
  }

  #receiptEntry(entry: TarEntry, path: string): EntrySink {
    if (this.#inner || entry.path !== path) {
      throw damagedArchive(this.#label, `${JSON.stringify(entry.path)} is in the archive, but not in its receipt`);
    }
    this.#inner = true;
    const parts: Buffer[] = [];
    return {
      write: (bytes) => void parts.push(Buffer.from(bytes)),
      end: () => {
        if (!Buffer.concat(parts).equals(innerReceipt(this.#receipt))) {
          throw damagedArchive(this.#label, "the receipt within it differs from the one beside it");
        }
      },
    };
  }
}
