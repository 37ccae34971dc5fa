// What flows between commands: one record, or a block of finished JSON Lines for streams too hot to build objects for.

/** Any record: `kind` first, then identity, then documented order. */
export interface AnyRecord {
  readonly kind: string;
  readonly [key: string]: unknown;
}

/** Whole JSON Lines of one kind, encoded already; each line ends with a newline. */
export class Block {
  readonly bytes: Uint8Array;
  readonly count: number;

  constructor(bytes: Uint8Array, count: number) {
    this.bytes = bytes;
    this.count = count;
  }
}

/** Text or bytes that are the artefact itself (`create --to -`, `schema`, `explain`), written as they are. */
export class Artefact {
  readonly bytes: Uint8Array | string;

  constructor(bytes: Uint8Array | string) {
    this.bytes = bytes;
  }
}

export type Item = AnyRecord | Block | Artefact;
export type Items = AsyncIterable<Item> | Iterable<Item>;

/** Records one by one, blocks taken apart. */
export async function* records(items: Items): AsyncGenerator<AnyRecord> {
  for await (const item of items) {
    if (item instanceof Artefact) continue;
    if (!(item instanceof Block)) yield item;
    else for (const line of lines(item)) yield JSON.parse(line) as AnyRecord;
  }
}

/** The lines of a block, without their newlines. */
export function lines(block: Block): string[] {
  return asBuffer(block.bytes).toString("utf8").split("\n").slice(0, -1);
}

/** The same memory, not copied. */
export const asBuffer = ({ buffer, byteOffset, byteLength }: Uint8Array): Buffer =>
  Buffer.from(buffer, byteOffset, byteLength);

/** One record as its line. Lone surrogates are escaped, `undefined` is left out. */
export const encode = (record: { readonly [key: string]: unknown }): string => `${JSON.stringify(record)}\n`;
