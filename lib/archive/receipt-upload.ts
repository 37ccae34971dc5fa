// A receipt as a file that can be put into a target.
import { hash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { joinPath, osPath } from "../files/os-path.ts";
import { toFileError } from "../files/errors.ts";
import { encodeReceipt, receiptKey, type Receipt } from "../formats/archive/receipt.ts";
import type { Upload } from "./uploader.ts";

/** Written into the staging directory; `place` is what messages call it. */
export function writeReceiptUpload(receipt: Receipt, stage: string, place: string): Upload {
  const key = receiptKey(receipt.session_id);
  const file = joinPath(stage, key);
  const bytes = encodeReceipt(receipt);
  try {
    writeFileSync(osPath(file), bytes, { mode: 0o600, flag: "wx" });
  } catch (error) {
    throw toFileError(place, "write to", error);
  }
  return { key, file, bytes: bytes.length, sha256: hash("sha256", bytes) };
}
