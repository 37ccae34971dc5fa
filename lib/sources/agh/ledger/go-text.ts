// Text and JSON as Go's encoding/json writes them, byte for byte: what AGH's ledger is made of.
import { sequenceEnd, spaceAt, spaceBefore } from "./go-utf8.ts";
import { isJson } from "./go-json.ts";

/** Bytes without white space at both ends, as Go's strings.TrimSpace sees it. */
export function trimSpace(bytes: Buffer): Buffer {
  let [start, end] = [0, bytes.length];
  for (let wide = spaceAt(bytes, start); start < end && wide > 0; wide = spaceAt(bytes, start)) start += wide;
  for (let wide = spaceBefore(bytes, end); end > start && wide > 0; wide = spaceBefore(bytes, end)) end -= wide;
  return start === 0 && end === bytes.length ? bytes : bytes.subarray(start, Math.max(start, end));
}

/** A Go string as JSON: `<`, `>`, `&`, U+2028 and U+2029 escaped, each byte that is no UTF-8 as \ufffd. */
export const goString = (text: Buffer | string): string =>
  rewritten(typeof text === "string" ? Buffer.from(text) : text, asString).toString();

/**
 * An event's content as the ledger has it: JSON compacted and escaped but otherwise untouched (its bytes may be no
 * UTF-8), any other text as one JSON string; undefined when there is nothing but white space.
 */
export function contentJson(content: Buffer): Buffer | undefined {
  const trimmed = trimSpace(content);
  if (trimmed.length === 0) return undefined;
  return isJson(trimmed) ? rewritten(trimmed, compact) : rewritten(content, asString);
}

const [QUOTE, BACKSLASH, LEAD] = [0x22, 0x5c, 0xe2];

/** Takes bytes as they are, or text in their place; without a buffer it only counts. */
class Sink {
  length = 0;
  readonly #out: Buffer | undefined;

  constructor(out?: Buffer) {
    this.#out = out;
  }

  put(text: string): void {
    this.#out?.write(text, this.length, "latin1");
    this.length += text.length;
  }

  copy(bytes: Buffer, from: number, to: number): void {
    if (to > from) this.#out?.set(bytes.subarray(from, to), this.length);
    this.length += to - from;
  }
}

/** Twice over the bytes, so that the result is made once: it may be hundreds of megabytes. */
function rewritten(bytes: Buffer, rewrite: (bytes: Buffer, sink: Sink) => void): Buffer {
  const counted = new Sink();
  rewrite(bytes, counted);
  const out = Buffer.allocUnsafe(counted.length);
  rewrite(bytes, new Sink(out));
  return out;
}

/** Valid JSON without white space between its tokens, and with the five characters escaped wherever they stand. */
function compact(json: Buffer, sink: Sink): void {
  let start = 0;
  let inString = false;
  for (let at = 0; at < json.length; at++) {
    const byte = json[at]!;
    if (byte === QUOTE) inString = !inString;
    else if (byte === BACKSLASH) at++; // never the last byte of valid JSON
    else {
      const text = !inString && isSpace(byte) ? "" : htmlEscape(json, at, byte);
      if (text === undefined) continue;
      sink.copy(json, start, at);
      sink.put(text);
      if (byte === LEAD) at += 2;
      start = at + 1;
    }
  }
  sink.copy(json, start, json.length);
}

const isSpace = (byte: number): boolean => byte === 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d;

function asString(text: Buffer, sink: Sink): void {
  let start = 0;
  sink.put('"');
  for (let at = 0; at < text.length;) {
    const byte = text[at]!;
    const end = sequenceEnd(text, at);
    const escape = end === at ? "\\ufffd" : (SHORT[byte] ?? (byte < 0x20 ? unicode(byte) : htmlEscape(text, at, byte)));
    const next = Math.max(end, at + 1);
    if (escape !== undefined) {
      sink.copy(text, start, at);
      sink.put(escape);
      start = next;
    }
    at = next;
  }
  sink.copy(text, start, text.length);
  sink.put('"');
}

const SHORT: { readonly [byte: number]: string } = {
  [QUOTE]: '\\"',
  [BACKSLASH]: "\\\\",
  0x08: "\\b",
  0x0c: "\\f",
  0x0a: "\\n",
  0x0d: "\\r",
  0x09: "\\t",
};

const unicode = (code: number): string => `\\u${code.toString(16).padStart(4, "0")}`;

function htmlEscape(bytes: Buffer, at: number, byte: number): string | undefined {
  if (byte === 0x3c || byte === 0x3e || byte === 0x26) return unicode(byte);
  if (byte !== LEAD || bytes[at + 1] !== 0x80) return undefined;
  const last = bytes[at + 2];
  return last === 0xa8 || last === 0xa9 ? unicode(0x2000 + (last & 0x7f)) : undefined;
}
