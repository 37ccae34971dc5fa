// Whether bytes are JSON to Go's encoding/json: RFC 8259, any bytes within strings, at most 10,000 levels.

const DEEPEST = 10_000;
const [BRACE, BRACKET, END_BRACE, END_BRACKET] = [0x7b, 0x5b, 0x7d, 0x5d];
const [QUOTE, BACKSLASH, COMMA, COLON, MINUS, DOT, ZERO, U] = [0x22, 0x5c, 0x2c, 0x3a, 0x2d, 0x2e, 0x30, 0x75];
const WORDS = ["true", "false", "null"].map((word) => Buffer.from(word));
const AFTER_BACKSLASH = new Set(Buffer.from('"\\/bfnrt'));
const NOWHERE = -1;

/** Without recursion: the text may be hostile, and hundreds of megabytes long. */
export function isJson(bytes: Buffer): boolean {
  const open = new Uint8Array(DEEPEST);
  let depth = 0;
  for (let at = 0; ;) {
    at = afterSpace(bytes, at);
    const byte = bytes[at];
    if (byte === BRACE || byte === BRACKET) {
      if (depth === DEEPEST) return false;
      open[depth++] = byte;
      at = afterSpace(bytes, at + 1);
      if (bytes[at] !== closing(byte)) {
        if (byte === BRACE) at = keyEnd(bytes, at);
        if (at === NOWHERE) return false;
        continue;
      }
      at++;
      depth--;
    } else at = scalarEnd(bytes, at);
    if (at === NOWHERE) return false;
    for (at = afterSpace(bytes, at); depth > 0 && bytes[at] === closing(open[depth - 1]!); depth--)
      at = afterSpace(bytes, at + 1);
    if (depth === 0) return at === bytes.length;
    if (bytes[at] !== COMMA) return false;
    at++;
    if (open[depth - 1] === BRACE) at = keyEnd(bytes, afterSpace(bytes, at));
    if (at === NOWHERE) return false;
  }
}

const closing = (open: number): number => (open === BRACE ? END_BRACE : END_BRACKET);

function afterSpace(bytes: Buffer, at: number): number {
  let next = at;
  for (let byte = bytes[next]; byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09; byte = bytes[next])
    next++;
  return next;
}

/** After a key and its colon. */
function keyEnd(bytes: Buffer, at: number): number {
  if (bytes[at] !== QUOTE) return NOWHERE;
  const end = stringEnd(bytes, at);
  if (end === NOWHERE) return NOWHERE;
  const colon = afterSpace(bytes, end);
  return bytes[colon] === COLON ? colon + 1 : NOWHERE;
}

function scalarEnd(bytes: Buffer, at: number): number {
  const byte = bytes[at];
  if (byte === QUOTE) return stringEnd(bytes, at);
  if (byte === MINUS || isDigit(byte)) return numberEnd(bytes, at);
  const word = WORDS.find((word) => bytes.subarray(at, at + word.length).equals(word));
  return word ? at + word.length : NOWHERE;
}

function stringEnd(bytes: Buffer, from: number): number {
  for (let at = from + 1; at < bytes.length; at++) {
    const byte = bytes[at]!;
    if (byte === QUOTE) return at + 1;
    if (byte < 0x20) return NOWHERE;
    if (byte !== BACKSLASH) continue;
    at++;
    if (bytes[at] === U) {
      const end = at + 4;
      while (at < end) if (!isHex(bytes[++at])) return NOWHERE;
    } else if (!AFTER_BACKSLASH.has(bytes[at] ?? 0)) return NOWHERE;
  }
  return NOWHERE;
}

function numberEnd(bytes: Buffer, from: number): number {
  let at = bytes[from] === MINUS ? from + 1 : from;
  if (bytes[at] === ZERO) at++;
  else if ((at = digitsEnd(bytes, at)) === NOWHERE) return NOWHERE;
  if (bytes[at] === DOT && (at = digitsEnd(bytes, at + 1)) === NOWHERE) return NOWHERE;
  if (bytes[at] !== 0x65 && bytes[at] !== 0x45) return at;
  const sign = bytes[at + 1] === 0x2b || bytes[at + 1] === MINUS ? 1 : 0;
  return digitsEnd(bytes, at + 1 + sign);
}

/** After one or more digits. */
function digitsEnd(bytes: Buffer, from: number): number {
  let at = from;
  while (isDigit(bytes[at])) at++;
  return at === from ? NOWHERE : at;
}

const isDigit = (byte: number | undefined): boolean => byte !== undefined && byte >= 0x30 && byte <= 0x39;
const isHex = (byte: number | undefined): boolean =>
  isDigit(byte) || (byte !== undefined && (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x66);
