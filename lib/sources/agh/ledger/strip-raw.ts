// A line without its event's `raw`: AGH's second migration of events.db takes that member out of every content.

const CONTENT = Buffer.from(',"content":{');
const [QUOTE, BACKSLASH, COMMA] = [0x22, 0x5c, 0x2c];
const RAW = Buffer.from('"raw":');

/** Undefined where the content has no such member. The rest of the line stays as it is, byte for byte. */
export function withoutRaw(line: Buffer): Buffer | undefined {
  const content = line.indexOf(CONTENT);
  if (content < 0) return undefined;
  const start = content + CONTENT.length;
  const member = memberAt(line, start);
  if (!member) return undefined;
  // Its comma goes with it: the one before, or, as the first of several, the one after.
  const [from, to] = member;
  const cut = line[from - 1] === COMMA ? [from - 1, to] : [from, line[to] === COMMA ? to + 1 : to];
  return Buffer.concat([line.subarray(0, cut[0]), line.subarray(cut[1])]);
}

/** Where the member `raw` of the object that begins at `start` stands; nested ones are passed over. */
function memberAt(line: Buffer, start: number): readonly [number, number] | undefined {
  let from = -1;
  for (let at = start, depth = 0; at < line.length;) {
    const byte = line[at]!;
    if (depth === 0 && (byte === COMMA || byte === 0x7d)) {
      if (from >= 0) return [from, at];
      if (byte === 0x7d) return undefined;
    }
    if (byte === QUOTE) {
      if (depth === 0 && isKey(line, at, start) && line.subarray(at, at + RAW.length).equals(RAW)) from = at;
      at = stringEnd(line, at);
      continue;
    }
    if (byte === 0x7b || byte === 0x5b) depth++;
    if (byte === 0x7d || byte === 0x5d) depth--;
    at++;
  }
  return undefined;
}

const isKey = (line: Buffer, at: number, start: number): boolean => at === start || line[at - 1] === COMMA;

function stringEnd(line: Buffer, from: number): number {
  for (let at = from + 1; at < line.length; at++) {
    if (line[at] === BACKSLASH) at++;
    else if (line[at] === QUOTE) return at + 1;
  }
  return line.length;
}
