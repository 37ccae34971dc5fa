// One column of a row group: values become the bytes of its page as they come, so that few objects are held.
import { hybrid, type Encoding } from "./parquet-page.ts";

export interface ParquetColumn {
  readonly name: string;
  readonly type: "string" | "int64" | "double" | "time_ns";
  /** Never null. */
  readonly required?: boolean;
  /** Strings of which hardly one comes twice: no dictionary is tried. */
  readonly distinct?: boolean;
  /** Least and greatest value of each row group are kept, so that readers can pass over it. Not for distinct strings. */
  readonly ranges?: boolean;
}

export type ColumnCells = readonly (string | bigint | number | null)[];

/** Strings as UTF-8 in one piece. A length of null = not there. */
export interface Utf8Slices {
  readonly bytes: Uint8Array;
  readonly starts: readonly number[];
  readonly lengths: readonly (number | null)[];
}

/** Before compression. */
export interface EncodedColumn {
  readonly column: ParquetColumn;
  readonly rows: number;
  readonly nulls: number;
  /** Which rows have a value; empty where all must. */
  readonly levels: Uint8Array;
  readonly encoding: Encoding;
  readonly values: Uint8Array;
  readonly dictionary?: { readonly bytes: Uint8Array; readonly count: number };
  readonly range?: { readonly least: string | bigint; readonly greatest: string | bigint };
}

export class ColumnValues {
  readonly column: ParquetColumn;
  #levels: Bytes;
  #nulls = 0;
  #plain: Bytes;
  #terms: Terms | undefined;
  #range = new RangeTracker();

  /** `before`: of the row group before, which tells how much will come. */
  constructor(column: ParquetColumn, before?: ColumnValues) {
    this.column = column;
    this.#levels = new Bytes(before ? before.#levels.used : 0);
    this.#plain = new Bytes(before ? before.#plain.used : 0);
    if (column.type === "string" && column.distinct !== true) this.#terms = new Terms();
  }

  add(values: ColumnCells, from: number, to: number): void {
    this.#addLevels(values, from, to);
    if (this.#terms) this.#terms.add(values as Texts, from, to);
    else if (this.column.type === "string") this.#plain.putTexts(values as Texts, from, to);
    else if (this.column.type === "double") this.#plain.putDoubles(values as Numbers, from, to);
    else {
      this.#plain.putIntegers(values as Integers, from, to);
      if (this.column.ranges === true) this.#range.add(values as Integers, from, to);
    }
  }

  /** As `add`, for distinct strings. */
  addSlices(slices: Utf8Slices, from: number, to: number): void {
    this.#addLevels(slices.lengths, from, to);
    this.#plain.putSlices(slices, from, to);
  }

  encoded(): EncodedColumn {
    const { column } = this;
    const rows = this.#levels.used;
    const levels = column.required === true ? EMPTY : hybrid(this.#levels.toBytes(), rows, 1);
    const common = { column, rows, nulls: this.#nulls, levels };
    if (!this.#terms) {
      const range = this.#range.found();
      return { ...common, encoding: "PLAIN", values: this.#plain.toBytes(), ...(range && { range }) };
    }
    const range = column.ranges === true ? this.#terms.range() : undefined;
    return { ...common, ...this.#terms.encoded(), ...(range && { range }) };
  }

  #addLevels(values: readonly unknown[], from: number, to: number): void {
    const levels = this.#levels;
    levels.reserve(to - from);
    for (let row = from; row < to; row++) {
      const isThere = values[row] !== null;
      levels.buffer[levels.used++] = isThere ? 1 : 0;
      if (!isThere) this.#nulls++;
    }
  }
}

type Texts = readonly (string | null)[];
type Numbers = readonly (number | null)[];
type Integers = readonly (bigint | number | null)[];

const EMPTY = new Uint8Array();

/** Bytes that grow. */
class Bytes {
  buffer: Buffer;
  used = 0;
  #view: DataView;

  constructor(expected = 0) {
    this.buffer = Buffer.allocUnsafeSlow(expected + (expected >> 4));
    this.#view = new DataView(this.buffer.buffer);
  }

  reserve(bytes: number): void {
    if (this.used + bytes <= this.buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(2 * this.buffer.length, this.used + bytes, 256));
    this.buffer.copy(larger, 0, 0, this.used);
    this.buffer = larger;
    this.#view = new DataView(larger.buffer);
  }

  toBytes(): Uint8Array {
    return this.buffer.subarray(0, this.used);
  }

  putTexts(values: Texts, from: number, to: number): void {
    for (let row = from; row < to; row++) {
      const text = values[row]!;
      if (text !== null) this.putText(text);
    }
  }

  putText(text: string): void {
    this.reserve(4 + 3 * text.length);
    const length = this.buffer.write(text, this.used + 4);
    this.#view.setUint32(this.used, length, true);
    this.used += 4 + length;
  }

  putSlices({ bytes, starts, lengths }: Utf8Slices, from: number, to: number): void {
    for (let row = from; row < to; row++) {
      const length = lengths[row]!;
      if (length === null) continue;
      this.reserve(4 + length);
      this.#view.setUint32(this.used, length, true);
      this.buffer.set(bytes.subarray(starts[row], starts[row]! + length), this.used + 4);
      this.used += 4 + length;
    }
  }

  putIntegers(values: Integers, from: number, to: number): void {
    this.reserve(8 * (to - from));
    for (let row = from; row < to; row++) {
      const value = values[row]!;
      if (value === null) continue;
      this.#view.setBigInt64(this.used, BigInt(value), true);
      this.used += 8;
    }
  }

  putDoubles(values: Numbers, from: number, to: number): void {
    this.reserve(8 * (to - from));
    for (let row = from; row < to; row++) {
      const value = values[row]!;
      if (value === null) continue;
      this.#view.setFloat64(this.used, value, true);
      this.used += 8;
    }
  }
}

class RangeTracker {
  #least: bigint | number | undefined;
  #greatest: bigint | number | undefined;

  add(values: Integers, from: number, to: number): void {
    for (let row = from; row < to; row++) {
      const value = values[row]!;
      if (value === null) continue;
      if (this.#least === undefined || value < this.#least) this.#least = value;
      if (this.#greatest === undefined || value > this.#greatest) this.#greatest = value;
    }
  }

  found(): EncodedColumn["range"] {
    if (this.#least === undefined || this.#greatest === undefined) return undefined;
    return { least: BigInt(this.#least), greatest: BigInt(this.#greatest) };
  }
}

/** Strings that come again and again, each kept once. */
class Terms {
  #numbers = new Map<string, number>();
  #rows: number[] = [];
  #last: { text: string; number: number } = { text: "", number: -1 };
  /** Characters, as if each row had its own. */
  #length = 0;

  add(values: Texts, from: number, to: number): void {
    for (let row = from; row < to; row++) {
      const text = values[row]!;
      if (text === null) continue;
      this.#rows.push(this.#numberOf(text));
      this.#length += text.length;
    }
  }

  #numberOf(text: string): number {
    const last = this.#last;
    if (text === last.text && last.number >= 0) return last.number;
    let number = this.#numbers.get(text);
    if (number === undefined) this.#numbers.set(text, (number = this.#numbers.size));
    last.text = text;
    last.number = number;
    return number;
  }

  /** With a dictionary where that halves it. */
  encoded(): Pick<EncodedColumn, "encoding" | "values" | "dictionary"> {
    const dictionary = new Bytes();
    for (const text of this.#numbers.keys()) dictionary.putText(text);
    const [rows, count] = [this.#rows, this.#numbers.size];
    const width = 32 - Math.clz32(Math.max(0, count - 1));
    const isWorthIt = 2 * (dictionary.used + (rows.length * width) / 8) <= this.#length + 4 * rows.length;
    if (count === 0 || !isWorthIt) return { encoding: "PLAIN", values: this.#plain(dictionary) };
    const indexes = hybrid(rows, rows.length, width);
    const values = Buffer.allocUnsafeSlow(1 + indexes.length);
    values[0] = width;
    values.set(indexes, 1);
    return { encoding: "RLE_DICTIONARY", values, dictionary: { bytes: dictionary.toBytes(), count } };
  }

  #plain(dictionary: Bytes): Uint8Array {
    if (this.#rows.length === this.#numbers.size) return dictionary.toBytes();
    const plain = new Bytes();
    const texts = [...this.#numbers.keys()];
    for (const number of this.#rows) plain.putText(texts[number]!);
    return plain.toBytes();
  }

  /** In the order of their UTF-8. */
  range(): EncodedColumn["range"] {
    const sorted = [...this.#numbers.keys()]
      .map((text) => ({ text, bytes: Buffer.from(text) }))
      .sort((a, b) => Buffer.compare(a.bytes, b.bytes));
    const [first, last] = [sorted[0], sorted.at(-1)];
    return first && last && { least: first.text, greatest: last.text };
  }
}
