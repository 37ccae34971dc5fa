// The receipt of an archived session: what the archive holds, sealed, so that listing needs nothing else.
import { decodeSealed, encodeSealed } from "../sealed-json.ts";
import { isLaterPart, type LaterPart } from "./later-parts.ts";

/** Of an archive that is one file under its own name, and of the receipt within every archive. */
export const FIRST_FORMAT = 1;
/** Of one with later parts, or with a file that lies under another name. */
export const RECEIPT_FORMAT = 2;

export interface Receipt {
  readonly format: number;
  readonly runtime: string;
  readonly session_id: string;
  /** The home it was taken of. */
  readonly home_id: string;
  readonly home_path: string;
  /** Versions of the toolkit and of SQLite that made it. */
  readonly toolkit: string;
  readonly sqlite: string;
  readonly session: SessionFacts;
  /** Null where events.db cannot be read: then `damaged` says why, and the file is in the archive as it lies. */
  readonly events: EventFacts | null;
  readonly damaged?: string;
  /** Where the ledger lay below the ledger root: the workspace's id, or AGH's word for none. */
  readonly ledger_partition: string | null;
  /** Every entry of the archive but the receipt in it, in order. */
  readonly files: readonly ReceiptFile[];
  /** Rows by table. */
  readonly rows: { readonly [table: string]: number };
  /** The catalog's schema: its newest migration, and a digest of all of them. */
  readonly schema: { readonly version: string | null; readonly sha256: string };
  /** What lay with the session and is not in the archive. */
  readonly left_out: readonly { readonly path: string; readonly reason: string }[];
  /** What was added after the archive was made, a file each; the copy within the archive lacks it. */
  readonly later?: readonly LaterPart[];
  /** Of the archive that lies beside it; the copy within the archive lacks it. */
  readonly archive?: StoredObject;
}

/** A file of an archive in its target. */
export interface StoredObject {
  readonly bytes: number;
  readonly sha256: string;
  /** Its name there, where another file had its own. */
  readonly key?: string;
}

export interface SessionFacts {
  readonly name: string | null;
  readonly agent_name: string | null;
  readonly provider: string | null;
  readonly model: string | null;
  readonly workspace_id: string | null;
  readonly session_type: string | null;
  readonly state: string | null;
  readonly stop_reason: string | null;
  readonly created_at: string | null;
  readonly updated_at: string | null;
}

/** The timeline, whatever pages it lies on. */
export interface EventFacts {
  readonly count: number;
  readonly first_sequence: number | string | null;
  readonly last_sequence: number | string | null;
  readonly last_event_at: string | null;
  /** Over every column of every event, in order of sequence. */
  readonly sha256: string;
}

export interface ReceiptFile {
  /** In the archive, below its top directory. */
  readonly path: string;
  readonly type: "file" | "directory";
  readonly size: number;
  /** Permission bits, four octal digits. */
  readonly mode: string;
  /** Microseconds since 1970: what can be given back to a file. */
  readonly mtime_us: number;
  /** Of a file. */
  readonly sha256?: string;
}

/** Names in a target. With a digest: the name where other bytes have the usual one. */
export const storedKey = (id: string, suffix: string, sha256?: string): string =>
  sha256 === undefined ? `${id}.${suffix}` : `${id}.${sha256.slice(0, 16)}.${suffix}`;
const ARCHIVE = "tar.zst";
export const archiveKey = (id: string, sha256?: string): string => storedKey(id, ARCHIVE, sha256);
export const archiveKeyOf = ({ session_id, archive }: Receipt): string => archive?.key ?? archiveKey(session_id);
/** The session of an archive that lies under the name with its digest. */
export const alternativeId = (name: string): string | undefined => /^(.+)\.[0-9a-f]{16}$/.exec(name)?.[1];
export const receiptKey = (id: string): string => `${id}.receipt.json`;
/** The session a receipt's name speaks of. */
export const receiptId = (key: string): string | undefined => /^([^/]+)\.receipt\.json$/.exec(key)?.[1];

/** Names within an archive, below its top directory, which bears the session's id. */
export const PARTS = { session: "session", ledger: "ledger", bundles: "bundles" } as const;
export const ROWS = "rows.jsonl";
export const RECEIPT = "receipt.json";

export const encodeReceipt = (receipt: Receipt): Buffer => encodeSealed(receipt).bytes;

/** The receipt as it goes into the archive itself. */
export function innerReceipt(receipt: Receipt): Buffer {
  const { archive: _, later: __, ...inner } = receipt;
  return encodeReceipt({ ...inner, format: FIRST_FORMAT });
}

/** A receipt in the oldest format that can say what it says. */
export function receiptOf(inner: Receipt, archive: StoredObject, later: readonly LaterPart[] = []): Receipt {
  const { archive: _, later: __, ...rest } = inner;
  const isFirst = later.length === 0 && archive.key === undefined;
  return {
    ...rest,
    format: isFirst ? FIRST_FORMAT : RECEIPT_FORMAT,
    ...(later.length > 0 && { later }),
    archive,
  };
}

/** Of the archive and of what was added later. */
export const allFiles = ({ files, later = [] }: Pick<Receipt, "files" | "later">): readonly ReceiptFile[] =>
  later.length === 0 ? files : [...files, ...later.flatMap((part) => part.files)];

/** Where the ledger lay, whenever it was archived. */
export const partitionOf = ({ ledger_partition, later = [] }: Receipt): string | null =>
  later.find((part) => part.ledger_partition !== undefined)?.ledger_partition ?? ledger_partition;

/** Every file of it in the target: the archive first. */
export const storedFiles = (receipt: Receipt): readonly Required<StoredObject>[] => [
  { ...receipt.archive!, key: archiveKeyOf(receipt) },
  ...(receipt.later ?? []).map(({ bytes, sha256, name, key = storedKey(receipt.session_id, name) }) => ({
    bytes,
    sha256,
    key,
  })),
];

const ID = /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,128}$/;

/** Undefined when it is not what was written; "newer" when a later version of the toolkit has written it. */
export function decodeReceipt(bytes: Buffer): Receipt | "newer" | undefined {
  const content = decode(bytes);
  if (!content) return undefined;
  const { digest: _, ...rest } = content;
  const receipt = rest as unknown as Receipt;
  if (Number.isSafeInteger(receipt.format) && receipt.format > RECEIPT_FORMAT) return "newer";
  return isSound(receipt) ? receipt : undefined;
}

function isSound({ format, session_id: id, files, later, archive }: Receipt): boolean {
  const isFormat = format === RECEIPT_FORMAT || (format === FIRST_FORMAT && later === undefined);
  if (!isFormat || !ID.test(id) || !Array.isArray(files)) return false;
  if (archive && !hasOwnKey(archive, id, ARCHIVE)) return false;
  if (later === undefined) return true;
  const names = new Set(Array.isArray(later) ? later.map((part) => part?.name) : []);
  return (
    names.size > 0 && names.size === later.length && later.every((it) => isLaterPart(it) && hasOwnKey(it, id, it.name))
  );
}

/** A receipt names no file but its own. */
const hasOwnKey = ({ key, sha256 }: StoredObject, id: string, suffix: string): boolean =>
  key === undefined || key === storedKey(id, suffix, String(sha256));

function decode(bytes: Buffer): ReturnType<typeof decodeSealed> {
  try {
    return decodeSealed(bytes);
  } catch {
    return undefined; // sealed, and still no JSON: not ours
  }
}

/** Bytes of its files. */
export const receiptBytes = (receipt: Pick<Receipt, "files" | "later">): number =>
  allFiles(receipt).reduce((sum, { size }) => sum + size, 0);

/** Bytes of an archive's tar, at most: what its files need, headers and padding included. */
export function tarBytes({ files }: Receipt): number {
  const contents = files.reduce((sum, { size }) => sum + size + 3 * 512, 0);
  return contents + 512 * 1024 + files.length * 1024 + 1024;
}
