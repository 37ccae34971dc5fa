// Writes one Parquet file row group by row group; the only importer of hyparquet-writer.
import { createHash } from "node:crypto";
import { appendFileSync } from "node:fs";
import { constants, zstdCompressSync } from "node:zlib";
import type { ByteWriter, ParquetWriter } from "hyparquet-writer";
import { osPath } from "../files/os-path.ts";
import { fileTrouble } from "../files/trouble.ts";

export interface ParquetColumn {
  readonly name: string;
  readonly type: "string" | "int64" | "double" | "time_ns";
  /** Never null. */
  readonly required?: boolean;
  /** Hardly a value comes twice: no dictionary is tried. */
  readonly distinct?: boolean;
  /** Least and greatest value of each row group are kept, so that readers can pass over it. */
  readonly ranges?: boolean;
}

export type Values = readonly (string | bigint | number | Uint8Array | null)[];

export interface ParquetPart {
  readonly path: string;
  readonly rows: number;
  readonly bytes: number;
  readonly sha256: string;
}

type Library = typeof import("hyparquet-writer");

/** Loads the library: 31 ms that only an export pays. */
export const parquetLibrary = (): Promise<Library> => import("hyparquet-writer");

const PHYSICAL = {
  string: { type: "BYTE_ARRAY", converted_type: "UTF8" },
  int64: { type: "INT64" },
  double: { type: "DOUBLE" },
  time_ns: { type: "INT64", logical_type: { type: "TIMESTAMP", isAdjustedToUTC: true, unit: "NANOS" } },
} as const;

/** Pages are small, and so is what a higher level gains. */
const LEVEL = 1;
const PAGE_BYTES = 1 << 20;

/** The file is opened for each row group only, so that any number may be under way. */
export class ParquetFile {
  readonly path: string;
  rows = 0;
  #columns: readonly ParquetColumn[];
  #writer: ByteWriter;
  #parquet: ParquetWriter;
  #hash = createHash("sha256");
  #bytes = 0;

  constructor({ ByteWriter, ParquetWriter }: Library, path: string, columns: readonly ParquetColumn[]) {
    this.path = path;
    this.#columns = columns;
    this.#writer = new ByteWriter();
    const fields = columns.map(({ name, type, required }) => ({
      name,
      ...PHYSICAL[type],
      repetition_type: required === true ? ("REQUIRED" as const) : ("OPTIONAL" as const),
    }));
    this.#parquet = new ParquetWriter({
      writer: this.#writer,
      schema: [{ name: "root", num_children: columns.length }, ...fields],
      codec: "ZSTD",
      compressors: {
        ZSTD: (bytes) => zstdCompressSync(bytes, { params: { [constants.ZSTD_c_compressionLevel]: LEVEL } }),
      },
      createdBy: "agh-toolkit",
    });
  }

  /** Writes one row group; `values` in the order of the columns. */
  write(values: readonly Values[]): void {
    const rows = values[0]!.length;
    const columnData = this.#columns.map(({ name, distinct, ranges }, index) => ({
      name,
      data: values[index] as never[],
      statistics: ranges === true,
      ...(distinct === true && { encoding: "PLAIN" as const }),
    }));
    void this.#parquet.write({ columnData, rowGroupSize: rows, pageSize: PAGE_BYTES });
    this.rows += rows;
    this.#drain();
  }

  /** What the file has become. */
  close(): ParquetPart {
    void this.#parquet.finish();
    this.#drain();
    return { path: this.path, rows: this.rows, bytes: this.#bytes, sha256: this.#hash.digest("hex") };
  }

  #drain(): void {
    const bytes = this.#writer.getBytes();
    try {
      appendFileSync(osPath(this.path), bytes, { mode: 0o600 });
    } catch (error) {
      throw fileTrouble(this.path, "write", error);
    }
    this.#hash.update(bytes);
    this.#bytes += bytes.length;
    this.#writer.index = 0;
  }
}
