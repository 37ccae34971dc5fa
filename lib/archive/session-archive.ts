// A session on its way back into a home: what it is made of, and how its parts are laid out on disk.
import { copyFileSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { hashFile } from "../files/hash-file.ts";
import { joinPath, osPath } from "../files/os-path.ts";
import type { Scratch } from "../files/scratch.ts";
import { hostileArchive } from "../files/safe-names.ts";
import { toFileError } from "../files/errors.ts";
import { readArchive, type OnBuffer } from "../formats/archive/archive-reader.ts";
import { ROWS, type Receipt, type ReceiptFile } from "../formats/archive/receipt.ts";
import { decodeRows, type RowsFile } from "../formats/archive/rows.ts";
import { applyFileMetadata, unpack } from "../formats/archive/unpack.ts";
import { refusal } from "../records/error.ts";
import { META } from "../sources/agh/home/layout.ts";
import { readMeta } from "../sources/agh/sessions/meta.ts";
import { encodeWorkspaceRow } from "../sources/agh/custody/workspace-lines.ts";
import type { Target } from "../targets/target.ts";
import { findSessionDir } from "../places/manual-archives.ts";
import { listArchiveInputs } from "../places/session-parts.ts";
import type { ArchiveEntry } from "./list-archives.ts";
import { unpackManualArchive } from "../places/unpack-manual-archive.ts";

export interface SessionArchive {
  readonly id: string;
  readonly runtime: Receipt["runtime"];
  /** The home it was taken of; undefined where nobody wrote it down. */
  readonly homeId: string | undefined;
  readonly partition: string | null;
  readonly files: readonly ReceiptFile[];
  /** Digest of the catalog's migrations; undefined where no rows came along. */
  readonly schema: string | undefined;
  /** Writes what `place` gives a path to; `made` as in readArchive. */
  extract(place: (file: ReceiptFile) => string | undefined, made?: OnBuffer): Promise<void>;
  rows(): Promise<RowsFile>;
  /** The rows as they are put back. */
  rowLines(): Promise<Buffer>;
}

/** Throws what is wrong with the receipt (6), or with what was moved by hand. */
export async function openSessionArchive(
  target: Target,
  entry: ArchiveEntry,
  scratch: Scratch,
): Promise<SessionArchive> {
  if ("error" in entry) throw entry.error;
  if ("receipt" in entry) {
    const { receipt } = entry;
    const rowLines = (): Promise<Buffer> => readContent(target, receipt, ROWS);
    return {
      id: receipt.session_id,
      runtime: receipt.runtime,
      homeId: receipt.home_id,
      partition: receipt.ledger_partition,
      files: receipt.files,
      schema: receipt.schema.sha256,
      extract: async (place, made) => void (await unpack(target, receipt, place, made)),
      rows: async () => decodeArchivedRows(await rowLines(), entry.id),
      rowLines,
    };
  }
  const { form, path, id } = entry.manual;
  const dir = form === "directory" ? path : await unpackManualArchive(target, entry.manual, scratch.fresh());
  return openDirectory(id, dir);
}

async function readContent(target: Target, receipt: Parameters<typeof readArchive>[1], path: string): Promise<Buffer> {
  const parts: Buffer[] = [];
  await readArchive(target, receipt, (file) =>
    file.path === path ? { write: (bytes) => void parts.push(Buffer.from(bytes)), end: () => undefined } : undefined,
  );
  return Buffer.concat(parts);
}

export function decodeArchivedRows(bytes: Buffer, id: string): RowsFile {
  try {
    return decodeRows(bytes);
  } catch (error) {
    throw hostileArchive(`the archive of ${id}`, `invalid rows (${(error as Error).message})`);
  }
}

/** A session's directory without rows: AGH indexes it at its next start, which needs its workspace's row. */
function openDirectory(id: string, given: string): SessionArchive {
  const dir = findSessionDir(given);
  const read = dir === undefined ? undefined : readMeta(joinPath(dir, META));
  if (dir === undefined || !read || !("meta" in read) || read.meta.id !== id) {
    throw refusal("E_NO_SESSION_IN_IT", `${given} holds no valid session ${id}`, "check its meta.json");
  }
  const { files: gathered } = listArchiveInputs({ root: dir, id, dir, ledger: undefined, bundles: [] });
  const files = gathered.map(({ path, from, found: { type, stat } }): ReceiptFile => {
    const size = type === "directory" ? 0 : Number(stat.size);
    const mode = (stat.mode & 0o777n).toString(8).padStart(4, "0");
    const line = {
      path,
      type: type === "directory" ? "directory" : "file",
      size,
      mode,
      mtime_us: Number(stat.mtimeNs / 1000n),
    } as const;
    return type === "directory" ? line : { ...line, sha256: hashFile(from) ?? "" };
  });
  const sources = new Map(gathered.map(({ path, from }) => [path, from]));
  const lines = Buffer.from(encodeWorkspaceRow(read.meta));
  return {
    id,
    runtime: "agh",
    homeId: undefined,
    partition: null,
    files,
    schema: undefined,
    extract: async (place) => copyFiles(files, sources, place),
    rows: async () => decodeRows(lines),
    rowLines: async () => lines,
  };
}

function copyFiles(
  files: readonly ReceiptFile[],
  sources: ReadonlyMap<string, string>,
  place: (file: ReceiptFile) => string | undefined,
): void {
  const written = files.flatMap((file) => {
    const path = place(file);
    return path === undefined ? [] : [{ file, path }];
  });
  for (const { file, path } of written) {
    try {
      mkdirSync(osPath(file.type === "directory" ? path : dirname(path)), { recursive: true, mode: 0o700 });
      if (file.type === "file") copyFileSync(osPath(sources.get(file.path)!), osPath(path));
    } catch (error) {
      throw toFileError(path, "write", error);
    }
  }
  applyFileMetadata(written);
}
