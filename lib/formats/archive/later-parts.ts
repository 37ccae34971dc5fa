// What a session got after it was archived: a file each beside the archive, in the order in which they are read.
import type { ReceiptFile, StoredObject } from "./receipt.ts";

/** How the name of its file in the target ends; with `.zst` the content is compressed. */
export type LaterName = "ledger.zst" | "seal";

export interface LaterPart extends StoredObject {
  readonly name: LaterName;
  /** As in the archive: the directory around it where that is new, and one file. */
  readonly files: readonly ReceiptFile[];
  /** Of a ledger: where it lay below the ledger root. */
  readonly ledger_partition?: string | null;
}

/** By the path of the file in an archive. */
const NAMES: ReadonlyMap<string, LaterName> = new Map([
  ["ledger/ledger.jsonl", "ledger.zst"],
  ["ledger/ledger.seal", "seal"],
]);

/** Undefined for what is never added to an archive. */
export const laterName = (path: string): LaterName | undefined => NAMES.get(path);

export const isCompressed = ({ name }: Pick<LaterPart, "name">): boolean => name.endsWith(".zst");

/** The one file in it. */
export const laterFile = ({ files }: LaterPart): ReceiptFile => files.find(({ type }) => type === "file")!;

/** Whether it is what put writes: it may have been edited. */
export function isLaterPart(value: unknown): value is LaterPart {
  const { name, files, bytes, sha256 } = (value ?? {}) as Partial<LaterPart>;
  if (!Array.isArray(files) || !isSize(bytes) || !isDigest(sha256)) return false;
  const own = files.filter((file) => file?.type === "file");
  const others = files.filter((file) => file?.type !== "file");
  const [file] = own;
  return (
    own.length === 1 &&
    name !== undefined &&
    laterName(String(file.path)) === name &&
    isSize(file.size) &&
    isDigest(file.sha256) &&
    others.every((one) => one?.type === "directory" && one.path === "ledger")
  );
}

const isSize = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;
const isDigest = (value: unknown): boolean => typeof value === "string" && /^[0-9a-f]{64}$/.test(value);
