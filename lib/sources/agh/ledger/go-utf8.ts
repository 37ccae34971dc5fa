// UTF-8 as Go reads it, byte by byte: where a character ends, and which characters are white space.

/** Where the character that begins at `at` ends; `at` itself when its bytes are no UTF-8. */
export function sequenceEnd(bytes: Buffer, at: number): number {
  const lead = bytes[at]!;
  if (lead < 0x80) return at + 1;
  const length = lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
  if (length === 0 || at + length > bytes.length || !isSecond(lead, bytes[at + 1]!)) return at;
  for (let i = at + 2; i < at + length; i++) if (!isContinuation(bytes[i]!)) return at;
  return at + length;
}

const isContinuation = (byte: number): boolean => byte >= 0x80 && byte <= 0xbf;

/** Overlong forms, surrogates and what lies past U+10FFFF are refused by the second byte. */
function isSecond(lead: number, byte: number): boolean {
  const from = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
  const to = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
  return byte >= from && byte <= to;
}

/** Bytes of the white space character (Unicode White_Space, as Go's unicode.IsSpace) that begins here; 0 for none. */
export function spaceAt(bytes: Buffer, at: number): number {
  const byte = bytes[at]!;
  if (byte < 0x80) return isAsciiSpace(byte) ? 1 : 0;
  if (byte === 0xc2) return isLatinSpace(bytes[at + 1]) ? 2 : 0;
  return isWideSpace(byte, bytes[at + 1], bytes[at + 2]) ? 3 : 0;
}

/** The same for the character that ends before `end`. */
export function spaceBefore(bytes: Buffer, end: number): number {
  const byte = bytes[end - 1]!;
  if (byte < 0x80) return isAsciiSpace(byte) ? 1 : 0;
  if (bytes[end - 2] === 0xc2) return isLatinSpace(byte) ? 2 : 0;
  return end >= 3 && isWideSpace(bytes[end - 3]!, bytes[end - 2], byte) ? 3 : 0;
}

const isAsciiSpace = (byte: number): boolean => byte === 0x20 || (byte >= 0x09 && byte <= 0x0d);
const isLatinSpace = (byte: number | undefined): boolean => byte === 0x85 || byte === 0xa0;

function isWideSpace(first: number, second: number | undefined, third: number | undefined): boolean {
  if (first === 0xe1) return second === 0x9a && third === 0x80;
  if (first === 0xe3) return second === 0x80 && third === 0x80;
  if (first !== 0xe2 || third === undefined) return false;
  if (second === 0x81) return third === 0x9f;
  return second === 0x80 && ((third >= 0x80 && third <= 0x8a) || third === 0xa8 || third === 0xa9 || third === 0xaf);
}
