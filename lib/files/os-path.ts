// Paths as the kernel has them: bytes that are no UTF-8 live in strings as lone surrogates U+DC80 to U+DCFF.
import { isUtf8 } from "node:buffer";

const ESCAPE = 0xdc00;

/** The path for a file-system call: the string itself, or its bytes where it holds escaped ones. */
export function osPath(path: string): string | Buffer {
  return path.isWellFormed() ? path : toBytes(path);
}

/** The path for bytes that came from a file-system call (`encoding: "buffer"`). */
export function fromOsBytes(bytes: Buffer): string {
  return isUtf8(bytes) ? bytes.toString() : escapeBytes(bytes);
}

/** `b` below `a`; nothing is resolved, so escaped bytes and `..` stay what they are. */
export function joinPath(a: string, b: string): string {
  return a === "" || a.endsWith("/") ? a + b : `${a}/${b}`;
}

/** An SQLite URI for a path; every byte that could mean something else in a URI is percent-encoded. */
export function fileUri(path: string, params: Readonly<Record<string, string | number>> = {}): string {
  const query = Object.entries(params).map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
  const scheme = path.startsWith("/") ? "file://" : "file:";
  return scheme + percentEncode(path) + (query.length > 0 ? `?${query.join("&")}` : "");
}

const PLAIN = /^[A-Za-z0-9._~/-]*$/;

function percentEncode(path: string): string {
  if (PLAIN.test(path)) return path;
  let text = "";
  for (const byte of toBytes(path)) {
    const char = String.fromCharCode(byte);
    text += PLAIN.test(char) ? char : `%${byte.toString(16).padStart(2, "0").toUpperCase()}`;
  }
  return text;
}

function toBytes(path: string): Buffer {
  const parts: Buffer[] = [];
  for (const part of path.split(/([\u{dc80}-\u{dcff}])/u)) {
    const code = part.length === 1 ? part.charCodeAt(0) - ESCAPE : 0;
    parts.push(code >= 0x80 && code <= 0xff ? Buffer.of(code) : Buffer.from(part));
  }
  return Buffer.concat(parts);
}

function escapeBytes(bytes: Buffer): string {
  let text = "";
  for (let at = 0; at < bytes.length;) {
    const length = sequenceLength(bytes[at] ?? 0);
    const part = bytes.subarray(at, at + length);
    const whole = length > 0 && part.length === length && isUtf8(part);
    text += whole ? part.toString() : String.fromCharCode(ESCAPE + (bytes[at] ?? 0));
    at += whole ? length : 1;
  }
  return text;
}

function sequenceLength(lead: number): number {
  if (lead < 0x80) return 1;
  if (lead < 0xc2) return 0;
  if (lead < 0xe0) return 2;
  if (lead < 0xf0) return 3;
  return lead < 0xf5 ? 4 : 0;
}
