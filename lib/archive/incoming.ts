// A session on its way back into a home: what it is made of, and how its parts are laid out on disk.
import { copyFileSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { digestOf } from "../files/digest.ts";
import { joinPath, osPath } from "../files/os-path.ts";
import type { Scratch } from "../files/scratch.ts";
import { hostile } from "../files/safe-names.ts";
import { fileTrouble } from "../files/trouble.ts";
import { readArchive, type Made } from "../formats/archive-reader.ts";
import { ROWS, type Receipt, type ReceiptFile } from "../formats/receipt.ts";
import { decodeRows, type RowsFile } from "../formats/rows.ts";
import { settle, unpack } from "../formats/unpack.ts";
import { refusal } from "../records/error.ts";
import { META } from "../sources/agh/layout.ts";
import { readMeta } from "../sources/agh/meta.ts";
import { workspaceLines } from "../sources/agh/workspace-lines.ts";
import type { Target } from "../targets/target.ts";
import { sessionWithin } from "../places/by-hand.ts";
import { gather } from "../places/session-parts.ts";
import type { Held } from "./held.ts";
import { unpackByHand } from "../places/unpack-by-hand.ts";

export interface Incoming {
  readonly id: string;
  readonly runtime: Receipt["runtime"];
  /** The home it was taken of; undefined where nobody wrote it down. */
  readonly homeId: string | undefined;
  readonly partition: string | null;
  readonly files: readonly ReceiptFile[];
  /** Digest of the catalog's migrations; undefined where no rows came along. */
  readonly schema: string | undefined;
  /** Writes what `place` gives a path to; `made` as in readArchive. */
  layOut(place: (file: ReceiptFile) => string | undefined, made?: Made): Promise<void>;
  rows(): Promise<RowsFile>;
  /** The rows as they are put back. */
  rowLines(): Promise<Buffer>;
}

/** Throws what is wrong with the receipt (6), or with what was moved by hand. */
export async function incomingOf(target: Target, held: Held, scratch: Scratch): Promise<Incoming> {
  if ("trouble" in held) throw held.trouble;
  if ("receipt" in held) {
    const { receipt } = held;
    const rowLines = (): Promise<Buffer> => contentOf(target, receipt, ROWS);
    return {
      id: receipt.session_id,
      runtime: receipt.runtime,
      homeId: receipt.home_id,
      partition: receipt.ledger_partition,
      files: receipt.files,
      schema: receipt.schema.sha256,
      layOut: async (place, made) => void (await unpack(target, receipt, place, made)),
      rows: async () => decoded(await rowLines(), held.id),
      rowLines,
    };
  }
  const { form, path, id } = held.byHand;
  const dir = form === "directory" ? path : await unpackByHand(target, held.byHand, scratch.fresh());
  return fromDirectory(id, dir);
}

async function contentOf(target: Target, receipt: Parameters<typeof readArchive>[1], path: string): Promise<Buffer> {
  const parts: Buffer[] = [];
  await readArchive(target, receipt, (file) =>
    file.path === path ? { write: (bytes) => void parts.push(Buffer.from(bytes)), end: () => undefined } : undefined,
  );
  return Buffer.concat(parts);
}

export function decoded(bytes: Buffer, id: string): RowsFile {
  try {
    return decodeRows(bytes);
  } catch (error) {
    throw hostile(`the archive of ${id}`, `rows that put never writes (${(error as Error).message})`);
  }
}

/** A session's directory without rows: AGH indexes it at its next start, which needs its workspace's row. */
function fromDirectory(id: string, given: string): Incoming {
  const dir = sessionWithin(given);
  const read = dir === undefined ? undefined : readMeta(joinPath(dir, META));
  if (dir === undefined || !read || !("meta" in read) || read.meta.id !== id) {
    throw refusal(
      "E_NO_SESSION_IN_IT",
      `${given} holds no session ${id} that AGH would accept`,
      "look at its meta.json",
    );
  }
  const { files: gathered } = gather({ root: dir, id, dir, ledger: undefined, bundles: [] });
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
    return type === "directory" ? line : { ...line, sha256: digestOf(from) ?? "" };
  });
  const sources = new Map(gathered.map(({ path, from }) => [path, from]));
  const lines = Buffer.from(workspaceLines(read.meta));
  return {
    id,
    runtime: "agh",
    homeId: undefined,
    partition: null,
    files,
    schema: undefined,
    layOut: async (place) => copyOut(files, sources, place),
    rows: async () => decodeRows(lines),
    rowLines: async () => lines,
  };
}

function copyOut(
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
      throw fileTrouble(path, "write", error);
    }
  }
  settle(written);
}
