// Makes the archive of one session in a staging directory, from one state of its files and rows.
import { closeSync, rmSync } from "node:fs";
import { hash } from "node:crypto";
import { toIdentity, sameIdentity, type FileIdentity } from "../files/identity.ts";
import { joinPath, osPath } from "../files/os-path.ts";
import type { Scratch } from "../files/scratch.ts";
import { toFileError } from "../files/errors.ts";
import { openRegularFile } from "../files/walk.ts";
import { loadCustody } from "../custody/open-custody.ts";
import {
  archiveKey,
  innerReceipt,
  FIRST_FORMAT,
  RECEIPT,
  ROWS,
  type Receipt,
  type ReceiptFile,
} from "../formats/archive/receipt.ts";
import { decodeRows } from "../formats/archive/rows.ts";
import { asPartial, ToolError } from "../records/error.ts";
import type { SessionRecord } from "../records/runtime-kinds.ts";
import type { LocalSession, OwnPath, RowSchema, SessionParts, SessionRows } from "../sources/custody.ts";
import { archivedPaths } from "../sources/own-trees.ts";
import { noteCut, verifyCut } from "../sqlite/copy/cut.ts";
import { readConsistently } from "../sqlite/read/open.ts";
import type { Home } from "../sources/source.ts";
import { ArchiveFile } from "./archive-file.ts";
import type { CompareContext } from "./compare.ts";

/** Plain data: it goes to another thread. */
export interface PackRequest {
  readonly home: Pick<Home, "runtime" | "root" | "id">;
  readonly session: SessionRecord;
  readonly partition: string | null;
  readonly paths: readonly PackPath[];
  readonly leftOut: Receipt["left_out"];
  readonly rows: SessionRows;
  readonly schema: RowSchema;
  readonly versions: { readonly toolkit: string; readonly sqlite: string };
  /** Where the archive is made, and what messages call that place. */
  readonly stage: string;
  readonly stageLabel: string;
}

/** A file or directory, as it was when it was looked at. */
export interface PackPath {
  /** In the archive. */
  readonly path: string;
  readonly from: string;
  readonly type: "file" | "directory";
  readonly mode: number;
  readonly identity: FileIdentity;
  readonly isLink: boolean;
}

/** What an archive takes of a session, and what it leaves out. */
export const packContent = (local: LocalSession): Pick<PackRequest, "paths" | "leftOut"> => ({
  paths: archivedPaths(local).map(packPathOf),
  leftOut: [
    ...local.unexpected,
    ...local.paths.flatMap(({ path, excluded }) => (excluded === undefined ? [] : [{ path, reason: excluded }])),
  ],
});

export const packPathOf = ({ path, from, found: { type, stat }, isLink }: OwnPath): PackPath => ({
  path,
  from,
  type: type === "directory" ? "directory" : "file",
  mode: Number(stat.mode & 0o777n),
  identity: toIdentity(stat),
  isLink: isLink === true,
});

/** What packing needs beside: `buffers` may be used again when it has ended. */
export interface PackContext extends CompareContext {
  readonly buffers: readonly [Buffer, Buffer];
}

export interface Packed {
  readonly file: string;
  readonly receipt: Receipt;
}

/** Undefined when something changed under it: look at the session again. */
export async function pack(request: PackRequest, scratch: Scratch, context: PackContext): Promise<Packed | undefined> {
  const cuts = request.paths.filter(isDatabase).map(({ from }) => ({ from, cut: noteCut(from) }));
  if (cuts.some(({ cut }) => cut.fresh)) return undefined;
  const packed = await packOnce(request, scratch, context);
  return cuts.every(({ from, cut }) => verifyCut(from, cut) === "same") ? packed : undefined;
}

/** One whose bytes alone do not say whether it is being written to. */
const isDatabase = ({ path, type }: PackPath): boolean => type === "file" && path.endsWith(".db");

async function packOnce(request: PackRequest, scratch: Scratch, context: PackContext): Promise<Packed | undefined> {
  const { session, stage, stageLabel, rows, paths, leftOut } = request;
  const file = joinPath(stage, archiveKey(session.id));
  rmSync(osPath(file), { force: true });
  const archive = new ArchiveFile({ path: file, place: stageLabel }, context.buffers, context.made);
  try {
    const files: ReceiptFile[] = [];
    for (const path of paths) {
      const written = await writePath(archive, session.id, path);
      if (!written) return undefined;
      files.push(written);
    }
    files.push(await writeRows(archive, session.id, rows.lines));
    const { events } = await loadCustody(request.home.runtime);
    const found = await events(partsOf(request, files, scratch, context), context.made);
    const inner = { ...buildReceipt(request, files), ...found, left_out: leftOut };
    const bytes = innerReceipt(inner);
    await archive.entry(
      { path: `${session.id}/${RECEIPT}`, type: "file", size: bytes.length, mode: 0o644, mtime: 0 },
      bytes,
    );
    return { file, receipt: { ...inner, archive: await archive.close() } };
  } finally {
    await archive.abandon();
  }
}

function partsOf(
  { home, session, partition, paths, rows, schema }: PackRequest,
  files: readonly ReceiptFile[],
  scratch: Scratch,
  { signal }: PackContext,
): SessionParts {
  const fileOf = (name: string): string => paths.find(({ path }) => path === name)!.from;
  return {
    id: session.id,
    runtime: home.runtime,
    homeId: home.id,
    partition,
    files,
    schema,
    rows: () => Promise.resolve(decodeRows(Buffer.from(rows.lines))),
    withFile: async (name, use) => use(fileOf(name)),
    database: async (name, use) => readConsistently(fileOf(name), { scratch, signal }, use),
  };
}

function buildReceipt(
  { home, session, partition, rows, schema, versions }: PackRequest,
  files: readonly ReceiptFile[],
): Receipt {
  return {
    format: FIRST_FORMAT,
    runtime: home.runtime,
    session_id: session.id,
    home_id: home.id,
    home_path: home.root,
    ...versions,
    session: {
      name: session.name ?? null,
      agent_name: session.agent_name,
      provider: session.provider ?? null,
      model: session.model ?? null,
      workspace_id: session.workspace_id,
      session_type: session.session_type ?? null,
      state: session.state,
      stop_reason: session.stop_reason ?? null,
      created_at: session.created_at,
      updated_at: session.updated_at,
    },
    events: null,
    ledger_partition: partition,
    files,
    rows: rows.counts,
    schema,
    left_out: [],
  };
}

/** A path as a receipt lists it; a file's digest comes when it was read. */
export const receiptLine = ({ path, type, mode, identity }: PackPath): ReceiptFile => ({
  path,
  type,
  size: type === "directory" ? 0 : Number(identity.size),
  mode: mode.toString(8).padStart(4, "0"),
  mtime_us: Number(identity.mtimeNs / 1000n),
});

/** Undefined when the file changed since it was looked at. */
async function writePath(archive: ArchiveFile, top: string, packed: PackPath): Promise<ReceiptFile | undefined> {
  const { path, type, mode, identity } = packed;
  const line = receiptLine(packed);
  const mtime = Number(identity.mtimeNs / 1_000_000_000n);
  const entry = { path: `${top}/${path}`, type, size: line.size, mode, mtime };
  if (type === "directory") {
    await archive.entry(entry);
    return line;
  }
  const sha256 = await withUnchangedFile(packed, (fd) => archive.fileEntry(entry, fd));
  return sha256 === undefined ? undefined : { ...line, sha256 };
}

/** Undefined, too, when the file is not the one that was looked at. */
export async function withUnchangedFile<T>(
  { from, identity, isLink }: Pick<PackPath, "from" | "identity" | "isLink">,
  use: (fd: number) => Promise<T | undefined>,
): Promise<T | undefined> {
  try {
    const opened = openRegularFile(from, { follow: isLink });
    if (!opened) return undefined;
    try {
      return sameIdentity(toIdentity(opened.stat), identity) ? await use(opened.fd) : undefined;
    } finally {
      closeSync(opened.fd);
    }
  } catch (error) {
    if (error instanceof ToolError) throw error; // what was being written
    const refused = toFileError(from, "read", error);
    throw refused instanceof ToolError ? asPartial(refused) : error;
  }
}

async function writeRows(archive: ArchiveFile, top: string, lines: string): Promise<ReceiptFile> {
  const bytes = Buffer.from(lines);
  const line = { path: ROWS, type: "file", size: bytes.length, mode: "0644", mtime_us: 0 } as const;
  await archive.entry({ path: `${top}/${ROWS}`, type: "file", size: bytes.length, mode: 0o644, mtime: 0 }, bytes);
  return { ...line, sha256: hash("sha256", bytes) };
}
