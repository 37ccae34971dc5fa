// The receipt of an archived session: what the archive holds, sealed, so that listing needs nothing else.
import { decodeSealed, encodeSealed } from "../sealed-json.ts";

export const RECEIPT_FORMAT = 1;

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
  /** Of the archive that lies beside it; the copy within the archive lacks it. */
  readonly archive?: { readonly bytes: number; readonly sha256: string };
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

/** Names in a target. */
export const archiveKey = (id: string): string => `${id}.tar.zst`;
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
  const { archive: _, ...inner } = receipt;
  return encodeReceipt(inner);
}

const ID = /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,128}$/;

/** Undefined when it is not what was written, or not of this format. */
export function decodeReceipt(bytes: Buffer): Receipt | undefined {
  const content = decode(bytes);
  if (!content) return undefined;
  const { digest: _, ...receipt } = content;
  const { format, session_id, files } = receipt as unknown as Receipt;
  const sound = format === RECEIPT_FORMAT && ID.test(session_id) && Array.isArray(files);
  return sound ? (receipt as unknown as Receipt) : undefined;
}

function decode(bytes: Buffer): ReturnType<typeof decodeSealed> {
  try {
    return decodeSealed(bytes);
  } catch {
    return undefined; // sealed, and still no JSON: not ours
  }
}

/** Bytes of its files. */
export const receiptBytes = ({ files }: Pick<Receipt, "files">): number =>
  files.reduce((sum, { size }) => sum + size, 0);

/** Bytes of an archive's tar, at most: what its files need, headers and padding included. */
export function tarBytes({ files }: Receipt): number {
  const contents = files.reduce((sum, { size }) => sum + size + 3 * 512, 0);
  return contents + 512 * 1024 + files.length * 1024 + 1024;
}
