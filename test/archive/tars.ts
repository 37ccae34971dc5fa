// Tars and archives made by hand, byte by byte, as no honest program makes them.
import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { encodeReceipt, innerReceipt, type Receipt } from "../../lib/formats/archive/receipt.ts";

export interface Entry {
  readonly name: string;
  /** Type flag; a regular file unless given. */
  readonly type?: string;
  readonly content?: string;
  readonly link?: string;
  /** Claimed size. */
  readonly size?: number;
  readonly mode?: number;
  /** The twelve bytes of the size field, in place of octal digits. */
  readonly sizeField?: Uint8Array;
}

/** One entry, its checksum right, its content padded. */
export function rawEntry({ name, type = "0", content = "", link = "", size, mode = 0o644, sizeField }: Entry): Buffer {
  const header = Buffer.alloc(512);
  const body = Buffer.from(content);
  header.write(name, 0, 100, "utf8");
  header.write(mode.toString(8).padStart(7, "0"), 100);
  header.write("0000000", 108);
  header.write("0000000", 116);
  header.write((size ?? body.length).toString(8).padStart(11, "0"), 124);
  if (sizeField) header.set(sizeField, 124);
  header.write("00000000000", 136);
  header.write(`        ${type}`, 148);
  header.write(link, 157, 100, "utf8");
  header.write("ustar\x0000", 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return Buffer.concat([header, body, Buffer.alloc((512 - (body.length % 512)) % 512)]);
}

/** A pax header and the entry it speaks of. */
export function paxEntry(key: string, value: string, entry: Entry): Buffer {
  const body = ` ${key}=${value}\n`;
  let length = body.length;
  while (`${length}${body}`.length !== length) length = `${length}${body}`.length;
  return Buffer.concat([rawEntry({ name: "pax", type: "x", content: `${length}${body}` }), rawEntry(entry)]);
}

export const tarOf = (...entries: readonly (Entry | Buffer)[]): Buffer =>
  Buffer.concat([...entries.map((entry) => (Buffer.isBuffer(entry) ? entry : rawEntry(entry))), Buffer.alloc(1024)]);

export const gzipped = (tar: Buffer): Buffer => gzipSync(tar);

/** Puts a forged archive with a receipt that agrees with it: sealing is no signature. */
export function forge(dir: string, honest: Receipt, tar: (receipt: Receipt) => Buffer, files = honest.files): void {
  fs.mkdirSync(dir, { recursive: true });
  const { archive: _, ...rest } = { ...honest, files };
  const bytes = zstdCompressSync(tar({ ...rest }));
  const archive = { bytes: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") };
  fs.writeFileSync(path.join(dir, `${honest.session_id}.tar.zst`), bytes);
  fs.writeFileSync(path.join(dir, `${honest.session_id}.receipt.json`), encodeReceipt({ ...rest, archive }));
}

export const inner = (receipt: Receipt): string => innerReceipt(receipt).toString();
