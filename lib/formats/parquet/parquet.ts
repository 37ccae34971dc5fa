// Writes one Parquet file row group by row group; the only importer of hyparquet-writer, which writes what frames the pages.
import { createHash } from "node:crypto";
import { appendFileSync } from "node:fs";
import { promisify } from "node:util";
import { constants, zstdCompress } from "node:zlib";
import type { ByteWriter, ParquetWriter } from "hyparquet-writer";
import { osPath } from "../../files/os-path.ts";
import { toFileError } from "../../files/errors.ts";
import type { EncodedColumn, ParquetColumn } from "./parquet-column.ts";
import { dataHeader, dictionaryHeader } from "./parquet-page.ts";

export interface ParquetPart {
  readonly path: string;
  readonly rows: number;
  readonly bytes: number;
  readonly sha256: string;
}

type Library = typeof import("hyparquet-writer");
type RowGroup = ParquetWriter["row_groups"][number];
type Chunk = RowGroup["columns"][number];

/** Loads the library: 31 ms that only an export pays. */
export const loadParquetLibrary = (): Promise<Library> => import("hyparquet-writer");

const PHYSICAL = {
  string: { type: "BYTE_ARRAY", converted_type: "UTF8" },
  int64: { type: "INT64" },
  double: { type: "DOUBLE" },
  time_ns: { type: "INT64", logical_type: { type: "TIMESTAMP", isAdjustedToUTC: true, unit: "NANOS" } },
} as const;

/** Pages are small, and so is what a higher level gains. */
const LEVEL = { [constants.ZSTD_c_compressionLevel]: 1 };
const zstd = promisify(zstdCompress);
const optionsFor = ({ length }: Uint8Array) => ({
  chunkSize: Math.max(64, Math.min(length + 64, 1 << 20)),
  pledgedSrcSize: length,
  params: LEVEL,
});

/** The file is opened for each row group only, so that any number may be under way. */
export class ParquetFile {
  readonly path: string;
  rows = 0;
  #writer: ByteWriter;
  #parquet: ParquetWriter;
  #hash = createHash("sha256");
  #bytes = 0;
  #before: Promise<void> = Promise.resolve();

  constructor({ ByteWriter, ParquetWriter }: Library, path: string, columns: readonly ParquetColumn[]) {
    this.path = path;
    this.#writer = new ByteWriter();
    const fields = columns.map(({ name, type, required }) => ({
      name,
      ...PHYSICAL[type],
      repetition_type: required === true ? ("REQUIRED" as const) : ("OPTIONAL" as const),
    }));
    this.#parquet = new ParquetWriter({
      writer: this.#writer,
      schema: [{ name: "root", num_children: columns.length }, ...fields],
      createdBy: "agh-toolkit",
    });
  }

  /** Writes one row group: in the order of the calls, compressed on other threads. */
  write(columns: readonly EncodedColumn[]): Promise<void> {
    this.#before = this.#after(this.#before, Promise.all(columns.map(compressColumn)));
    return this.#before;
  }

  async #after(before: Promise<void>, packing: Promise<readonly CompressedColumn[]>): Promise<void> {
    const chunks = await packing;
    await before;
    this.#group(chunks);
  }

  /** What the file has become. Every row group must have been written. */
  close(): ParquetPart {
    void this.#parquet.finish();
    this.#drain();
    return { path: this.path, rows: this.rows, bytes: this.#bytes, sha256: this.#hash.digest("hex") };
  }

  #group(chunks: readonly CompressedColumn[]): void {
    const start = this.#writer.offset;
    const columns = chunks.map((chunk) => this.#chunk(chunk));
    const rows = chunks[0]!.rows;
    this.#parquet.row_groups.push({
      columns,
      num_rows: BigInt(rows),
      total_byte_size: columns.reduce((sum, it) => sum + it.meta_data!.total_uncompressed_size, 0n),
      total_compressed_size: BigInt(this.#writer.offset - start),
    });
    this.#parquet.num_rows += BigInt(rows);
    this.rows += rows;
    this.#drain();
  }

  #chunk({ column, rows, nulls, levels, encoding, values, dictionary, range, stored }: CompressedColumn): Chunk {
    const writer = this.#writer;
    const start = writer.offset;
    let plain = 0;
    const put = (header: Uint8Array, ...parts: readonly Uint8Array[]): void => {
      writer.appendBytes(header);
      for (const part of parts) writer.appendBytes(part);
      plain += header.length;
    };
    if (dictionary) {
      const sizes = { plain: dictionary.bytes.length, stored: stored.dictionary.length };
      put(dictionaryHeader(sizes, dictionary.count), stored.dictionary);
      plain += sizes.plain;
    }
    const page = writer.offset;
    const sizes = { plain: levels.length + values.length, stored: levels.length + stored.values.length };
    put(dataHeader(sizes, { rows, nulls, encoding, levelBytes: levels.length }), levels, stored.values);
    plain += sizes.plain;
    return {
      file_offset: BigInt(start),
      meta_data: {
        type: PHYSICAL[column.type].type,
        encodings: dictionary ? ["PLAIN", encoding] : [encoding],
        path_in_schema: [column.name],
        codec: "ZSTD",
        num_values: BigInt(rows),
        total_compressed_size: BigInt(writer.offset - start),
        total_uncompressed_size: BigInt(plain),
        data_page_offset: BigInt(page),
        ...(dictionary && { dictionary_page_offset: BigInt(start) }),
        ...(range && {
          statistics: { min_value: range.least, max_value: range.greatest, null_count: BigInt(nulls) },
        }),
      },
    };
  }

  #drain(): void {
    const bytes = this.#writer.getBytes();
    try {
      appendFileSync(osPath(this.path), bytes, { mode: 0o600 });
    } catch (error) {
      throw toFileError(this.path, "write", error);
    }
    this.#hash.update(bytes);
    this.#bytes += bytes.length;
    this.#writer.index = 0;
  }
}

interface CompressedColumn extends EncodedColumn {
  readonly stored: { readonly values: Uint8Array; readonly dictionary: Uint8Array };
}

async function compressColumn(column: EncodedColumn): Promise<CompressedColumn> {
  const [values, dictionary] = await Promise.all([
    zstd(column.values, optionsFor(column.values)),
    column.dictionary ? zstd(column.dictionary.bytes, optionsFor(column.dictionary.bytes)) : NOTHING,
  ]);
  return { ...column, stored: { values, dictionary } };
}

const NOTHING = new Uint8Array();
