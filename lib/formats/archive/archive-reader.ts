// Reads an archive from its target: every byte checked against its receipt on the way.
import { createHash, type Hash } from "node:crypto";
import { setImmediate as turn } from "node:timers/promises";
import { damagedArchive, TarReader, type EntrySink } from "../../files/tar-read.ts";
import type { TarEntry } from "../../files/tar-write.ts";
import { unzstd } from "../../files/zstd-frames.ts";
import { placeError, type ToolError } from "../../records/error.ts";
import type { Target } from "../../targets/target.ts";
import { isCompressed, laterFile, type LaterPart } from "./later-parts.ts";
import {
  archiveKeyOf,
  decodeReceipt,
  innerReceipt,
  RECEIPT,
  receiptId,
  receiptKey,
  storedKey,
  tarBytes,
  type Receipt,
  type ReceiptFile,
  type StoredObject,
} from "./receipt.ts";

/** The receipt of a session; undefined when there is none. Damaged → E_RECEIPT_DAMAGED, of a newer version → E_RECEIPT_FORMAT (6). */
export async function readReceipt(target: Target, id: string): Promise<Receipt | undefined> {
  const bytes = await target.get(receiptKey(id));
  if (!bytes) return undefined;
  const receipt = decodeReceipt(bytes);
  if (receipt === "newer") {
    throw placeError(
      "E_RECEIPT_FORMAT",
      `${target.url}/${receiptKey(id)} was written by a newer version of agh-toolkit`,
      "install a newer agh-toolkit",
    );
  }
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
 * Reads the whole archive with its later parts and hands out its files. Resolves when every byte is what the receipt says; until then
 * what was handed out proves nothing. Throws E_ARCHIVE_MISSING, E_ARCHIVE_TRUNCATED, E_ARCHIVE_DAMAGED (6), E_HOSTILE_ARCHIVE (4).
 */
export async function readArchive(
  target: Target,
  receipt: Receipt,
  sinkFor: SinkFactory,
  onBuffer: OnBuffer = () => undefined,
): Promise<void> {
  const file = { target, key: archiveKeyOf(receipt), expected: receipt.archive! };
  const check = new ReceiptCheck(labelOf(file), receipt, sinkFor);
  const tar = new TarReader({ label: labelOf(file), entry: (entry) => check.entry(entry) });
  await readStored(
    { ...file, limit: tarBytes(receipt) },
    (bytes) => tar.push(bytes),
    onBuffer,
    () => {
      tar.end();
      check.end();
    },
  );
  for (const part of receipt.later ?? []) await readLaterPart(target, receipt, part, { sinkFor, onBuffer });
}

interface StoredPart {
  readonly target: Target;
  readonly key: string;
  readonly expected: StoredObject;
  /** Bytes of content that it is believed to hold; undefined where it is not compressed. */
  readonly limit?: number;
}

const labelOf = ({ target, key }: StoredPart): string => `${target.url}/${key}`;

/** Hands out the content piece by piece; `ended` is called before the digest is compared. */
async function readStored(
  part: StoredPart,
  push: (bytes: Buffer) => void,
  onBuffer: OnBuffer,
  ended: () => void,
): Promise<void> {
  const { target, key, expected } = part;
  const label = labelOf(part);
  const head = await target.head(key);
  if (!head) throw placeError("E_ARCHIVE_MISSING", `${label} does not exist`, "use another copy");
  if (head.size !== expected.bytes) {
    throw damagedArchive(label, `it has ${head.size} bytes, and its receipt says ${expected.bytes}`);
  }
  const hash = createHash("sha256");
  for await (const bytes of contentOf(part, (piece) => hash.update(piece))) {
    push(bytes);
    onBuffer(bytes.length);
    await turn(); // signals and messages come in between
  }
  ended();
  if (hash.digest("hex") !== expected.sha256) throw damagedArchive(label, "its digest differs from its receipt");
}

const PIECE = 4 << 20;

async function* contentOf(part: StoredPart, onBytes: (bytes: Buffer) => void): AsyncGenerator<Buffer> {
  const { target, key, expected, limit } = part;
  const size = expected.bytes;
  const read = async (offset: number, length: number): Promise<Buffer> =>
    (await target.get(key, { offset, length })) ?? Buffer.alloc(0);
  if (limit !== undefined) return yield* unzstd({ label: labelOf(part), size, read, onBytes, limit });
  for (let offset = 0; offset < size;) {
    const bytes = await read(offset, Math.min(PIECE, size - offset));
    if (bytes.length === 0) return;
    onBytes(bytes);
    yield bytes;
    offset += bytes.length;
  }
}

/** One file beside the archive, checked as those within are. */
async function readLaterPart(
  target: Target,
  { session_id }: Receipt,
  part: LaterPart,
  { sinkFor, onBuffer }: { readonly sinkFor: SinkFactory; readonly onBuffer: OnBuffer },
): Promise<void> {
  const { name, files, key = storedKey(session_id, name) } = part;
  const own = laterFile(part);
  const stored: StoredPart = { target, key, expected: part, ...(isCompressed(part) && { limit: own.size }) };
  for (const file of files) if (file !== own) sinkFor(file);
  const sink = hashedSink(labelOf(stored), own, sinkFor(own));
  let size = 0;
  const push = (bytes: Buffer): void => {
    size += bytes.length;
    sink.write(bytes);
  };
  await readStored(stored, push, onBuffer, () => {
    if (size !== own.size)
      throw damagedArchive(labelOf(stored), `it holds ${size} bytes of ${own.path}, not ${own.size}`);
    sink.end();
  });
}

/** Checks a file's digest before its sink is ended. */
function hashedSink(label: string, file: ReceiptFile, sink: EntrySink | undefined): EntrySink {
  const hash: Hash | undefined = file.type === "file" ? createHash("sha256") : undefined;
  return {
    write(bytes) {
      hash?.update(bytes);
      sink?.write(bytes);
    },
    end: () => {
      if (hash && hash.digest("hex") !== file.sha256) {
        throw damagedArchive(label, `the content of ${JSON.stringify(file.path)} differs from what was archived`);
      }
      sink?.end();
    },
  };
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
    return hashedSink(this.#label, file, this.#sinkFor(file));
  }

  end(): void {
    if (!this.#inner) throw damagedArchive(this.#label, "it lacks files that its receipt lists");
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
