// Writes tar headers in the POSIX (ustar) form, the same bytes for the same entry; contents are the caller's to write.
import { osPath } from "./os-path.ts";

export interface TarEntry {
  /** Relative, `/`-separated; bytes that are no UTF-8 as os-path.ts has them. */
  readonly path: string;
  readonly type: "file" | "directory";
  readonly size: number;
  /** Permission bits. */
  readonly mode: number;
  /** Whole seconds since 1970. */
  readonly mtime: number;
}

export const TAR_BLOCK = 512;
/** What ends a tar. */
export const TAR_END = Buffer.alloc(2 * TAR_BLOCK);

/** Zero bytes that follow a content of `size` bytes. */
export const tarPadding = (size: number): Buffer => TAR_END.subarray(0, (TAR_BLOCK - (size % TAR_BLOCK)) % TAR_BLOCK);

/** The header of an entry, with a pax header before it where name or size do not fit. Owners are not recorded. */
export function tarHeader(entry: TarEntry): Buffer {
  const split = splitPath(entry);
  const records: Buffer[] = [];
  if (!split) records.push(paxRecord("path", osPath(nameOf(entry))));
  if (entry.size > LARGEST_OCTAL) records.push(paxRecord("size", String(entry.size)));
  const plain = block(entry, split ?? { name: "see-pax-header", prefix: "" }, entry.type === "file" ? "0" : "5");
  if (records.length === 0) return plain;
  const content = Buffer.concat(records);
  const pax = { path: "pax", type: "file", size: content.length, mode: 0o644, mtime: entry.mtime } as const;
  const head = block(pax, { name: "pax-header", prefix: "" }, "x");
  return Buffer.concat([head, content, tarPadding(content.length), plain]);
}

const LARGEST_OCTAL = 0o77777777777;

interface Split {
  readonly name: string;
  readonly prefix: string;
}

const nameOf = ({ path, type }: TarEntry): string => (type === "directory" ? `${path}/` : path);

/** Name and prefix as the header's two fields hold them; undefined when they cannot. */
function splitPath(entry: TarEntry): Split | undefined {
  const name = nameOf(entry);
  if (!/^[\x20-\x7e]+$/.test(name)) return undefined;
  if (name.length <= 100) return { name, prefix: "" };
  for (let at = name.indexOf("/"); at > 0 && at <= 155; at = name.indexOf("/", at + 1)) {
    const rest = name.length - at - 1;
    if (rest > 0 && rest <= 100) return { name: name.slice(at + 1), prefix: name.slice(0, at) };
  }
  return undefined;
}

/** `length key=value\n`, whose length counts itself. */
function paxRecord(key: string, value: string | Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(` ${key}=`), Buffer.from(value as string), Buffer.from("\n")]);
  let length = body.length + 1;
  while (String(length).length + body.length !== length) length++;
  return Buffer.concat([Buffer.from(String(length)), body]);
}

function block(entry: TarEntry, { name, prefix }: Split, typeflag: string): Buffer {
  const header = Buffer.alloc(TAR_BLOCK);
  const octal = (value: number, at: number, digits: number): void => {
    header.write(value.toString(8).padStart(digits, "0"), at, "latin1");
  };
  header.write(name, 0, 100, "latin1");
  octal(entry.mode & 0o777, 100, 7);
  octal(0, 108, 7);
  octal(0, 116, 7);
  octal(entry.size > LARGEST_OCTAL ? 0 : entry.size, 124, 11);
  octal(Math.min(Math.max(entry.mtime, 0), LARGEST_OCTAL), 136, 11);
  header.write(`        ${typeflag}`, 148, "latin1");
  header.write("ustar\x0000", 257, "latin1");
  header.write(prefix, 345, 155, "latin1");
  octal(checksum(header), 148, 6);
  header.write("\0 ", 154, "latin1");
  return header;
}

/** The sum of the header's bytes, its own field counted as blanks. */
export function checksum(header: Buffer): number {
  let sum = 8 * 32;
  for (let at = 0; at < TAR_BLOCK; at++) if (at < 148 || at >= 156) sum += header[at]!;
  return sum;
}
