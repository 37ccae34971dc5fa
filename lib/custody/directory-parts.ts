// The parts of a session that lie in directories: in a home, in a snapshot that was laid out, or where somebody moved them by hand.
import { copyFileSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { hashFile } from "../files/hash-file.ts";
import { osPath } from "../files/os-path.ts";
import { toFileError } from "../files/errors.ts";
import { PARTS, type ReceiptFile } from "../formats/archive/receipt.ts";
import { decodeRows, type RowsFile } from "../formats/archive/rows.ts";
import { applyFileMetadata } from "../formats/archive/unpack.ts";
import type { AdoptedSession, Custody, HomeCustody, LocalSession, OwnPath, SessionParts } from "../sources/custody.ts";
import { readConsistently } from "../sqlite/read/open.ts";
import type { PartsContext } from "./archive-parts.ts";
import type { IncomingSession } from "./incoming-session.ts";

/** A session's directory that was moved by hand. */
export const adoptedParts = (adopted: AdoptedSession): IncomingSession =>
  copied(adopted, (path) => adopted.dir + path.slice(PARTS.session.length));

/** A session as it lies in a home, or in a copy of one, as nobody holds it: reads every file for its digest. */
export function localParts(
  { home, rows }: Pick<HomeCustody, "home" | "rows">,
  { withoutLocks }: Pick<Custody, "withoutLocks">,
  { id, partition, paths }: LocalSession,
  { scratch, signal }: PartsContext,
): IncomingSession {
  const { schema, of } = rows([id]);
  const lines = of.get(id)?.lines ?? "";
  const sources = new Map(paths.map(({ path, from }) => [path, from]));
  const read = (): RowsFile => {
    const found = decodeRows(Buffer.from(lines));
    return withoutLocks?.(found) ?? found;
  };
  const parts: SessionParts = {
    id,
    runtime: home.runtime,
    homeId: home.id,
    partition,
    files: paths.map(receiptFileOf),
    schema,
    rows: () => Promise.resolve(read()),
    withFile: async (path, use) => use(sources.get(path)!),
    database: (path, use) => Promise.resolve(readConsistently(sources.get(path)!, { scratch, signal }, use)),
  };
  return copied(parts, (path) => sources.get(path)!);
}

function receiptFileOf({ path, from, found: { type, stat } }: OwnPath): ReceiptFile {
  const mode = (stat.mode & 0o777n).toString(8).padStart(4, "0");
  const mtime_us = Number(stat.mtimeNs / 1000n);
  if (type === "directory") return { path, type, size: 0, mode, mtime_us };
  return { path, type: "file", size: Number(stat.size), mode, mtime_us, sha256: hashFile(from) ?? "" };
}

const copied = (parts: SessionParts, sourceOf: (path: string) => string): IncomingSession => ({
  id: parts.id,
  runtime: parts.runtime,
  homeId: parts.homeId,
  partition: parts.partition,
  files: parts.files,
  schema: parts.schema,
  rows: () => parts.rows(),
  withFile: (path, use) => parts.withFile(path, use),
  database: (path, use) => parts.database(path, use),
  extract: async (place) => copyFiles(parts.files, sourceOf, place),
});

function copyFiles(
  files: readonly ReceiptFile[],
  sourceOf: (path: string) => string,
  place: (file: ReceiptFile) => string | undefined,
): void {
  const written = files.flatMap((file) => {
    const path = place(file);
    return path === undefined ? [] : [{ file, path }];
  });
  for (const { file, path } of written) {
    try {
      mkdirSync(osPath(file.type === "directory" ? path : dirname(path)), { recursive: true, mode: 0o700 });
      if (file.type === "file") copyFileSync(osPath(sourceOf(file.path)), osPath(path));
    } catch (error) {
      throw toFileError(path, "write", error);
    }
  }
  applyFileMetadata(written);
}
