// What a page of a Parquet file begins with, and how small numbers lie in it.

/** As the format counts them. */
export const ENCODINGS = { PLAIN: 0, RLE_DICTIONARY: 8 } as const;
export type Encoding = keyof typeof ENCODINGS;

const DICTIONARY_PAGE = 2;
const DATA_PAGE_V2 = 3;

/** Bytes as they are in the page, and as they are in the file. */
export interface PageSizes {
  readonly plain: number;
  readonly stored: number;
}

export interface DataPage {
  readonly rows: number;
  readonly nulls: number;
  readonly encoding: Encoding;
  readonly levelBytes: number;
}

export const dictionaryHeader = ({ plain, stored }: PageSizes, count: number): Uint8Array =>
  thrift([
    [1, DICTIONARY_PAGE],
    [2, plain],
    [3, stored],
    [
      7,
      [
        [1, count],
        [2, ENCODINGS.PLAIN],
      ],
    ],
  ]);

export const dataHeader = ({ plain, stored }: PageSizes, { rows, nulls, encoding, levelBytes }: DataPage): Uint8Array =>
  thrift([
    [1, DATA_PAGE_V2],
    [2, plain],
    [3, stored],
    [
      8,
      [
        [1, rows],
        [2, nulls],
        [3, rows],
        [4, ENCODINGS[encoding]],
        [5, levelBytes],
        [6, 0],
      ],
    ],
  ]);

/** Numbers (of 32 bits) and structures by their field's number, ascending. */
type Fields = readonly (readonly [field: number, value: number | Fields])[];

const I32 = 5;
const STRUCT = 12;

/** Thrift's compact protocol. */
function thrift(fields: Fields): Uint8Array {
  const out: number[] = [];
  putStruct(out, fields);
  return Uint8Array.from(out);
}

function putStruct(out: number[], fields: Fields): void {
  let before = 0;
  for (const [field, value] of fields) {
    out.push(((field - before) << 4) | (typeof value === "number" ? I32 : STRUCT));
    if (typeof value === "number") putVarint(out, (value << 1) ^ (value >> 31));
    else putStruct(out, value);
    before = field;
  }
  out.push(0);
}

function putVarint(out: number[], value: number): void {
  let rest = value >>> 0;
  for (; rest > 0x7f; rest >>>= 7) out.push((rest & 0x7f) | 0x80);
  out.push(rest);
}

/** Runs of equal numbers as one, all others packed by eights. `width`: bits of each, at most 24. */
export function hybrid(values: ArrayLike<number>, count: number, width: number): Uint8Array {
  const out: number[] = [];
  let packed = 0;
  let at = 0;
  while (at < count) {
    let end = at + 1;
    while (end < count && values[end] === values[at]) end++;
    if (end - at < 8) {
      at += 8;
      continue;
    }
    putPacked(out, values, packed, at, width);
    putVarint(out, (end - at) << 1);
    for (let bits = 0; bits < width; bits += 8) out.push((values[at]! >> bits) & 0xff);
    packed = at = end;
  }
  putPacked(out, values, packed, count, width);
  return Uint8Array.from(out);
}

/** What the last eight lack is zeros. */
function putPacked(out: number[], values: ArrayLike<number>, from: number, to: number, width: number): void {
  if (from >= to) return;
  const groups = (to - from + 7) >> 3;
  putVarint(out, (groups << 1) | 1);
  let [accumulator, bits] = [0, 0];
  for (let at = from; at < from + groups * 8; at++) {
    accumulator |= (at < to ? values[at]! : 0) << bits;
    for (bits += width; bits >= 8; bits -= 8) {
      out.push(accumulator & 0xff);
      accumulator >>>= 8;
    }
  }
}
