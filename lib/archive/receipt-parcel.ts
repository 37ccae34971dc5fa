// A receipt as a file that can be put into a target.
import { hash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { joinPath, osPath } from "../files/os-path.ts";
import { fileTrouble } from "../files/trouble.ts";
import { encodeReceipt, receiptKey, type Receipt } from "../formats/receipt.ts";
import type { Parcel } from "./shelf.ts";

/** Written into the staging directory. */
export function receiptParcel(receipt: Receipt, stage: string): Parcel {
  const key = receiptKey(receipt.session_id);
  const file = joinPath(stage, key);
  const bytes = encodeReceipt(receipt);
  try {
    writeFileSync(osPath(file), bytes, { mode: 0o600, flag: "wx" });
  } catch (error) {
    throw fileTrouble(file, "write", error);
  }
  return { key, file, bytes: bytes.length, sha256: hash("sha256", bytes) };
}
