// Makes the archive of one session in a staging directory, from one state of its files.
import { closeSync, rmSync } from "node:fs";
import { hash } from "node:crypto";
import { toIdentity, sameIdentity } from "../files/identity.ts";
import { joinPath, osPath } from "../files/os-path.ts";
import { openRegularFile } from "../files/walk.ts";
import {
  archiveKey,
  innerReceipt,
  RECEIPT,
  RECEIPT_FORMAT,
  ROWS,
  type EventFacts,
  type Receipt,
  type ReceiptFile,
} from "../formats/archive/receipt.ts";
import { EXIT, ToolError } from "../records/error.ts";
import type { SessionRecord } from "../records/runtime-kinds.ts";
import { noteCut, verifyCut } from "../sqlite/copy/cut.ts";
import { pause } from "../sqlite/pause.ts";
import { readEvents } from "../sources/agh/home/databases.ts";
import { digestEvents } from "../sources/agh/events/event-digest.ts";
import { EVENTS } from "../sources/agh/home/layout.ts";
import type { CatalogSchema, SessionRows } from "../sources/agh/custody/session-rows.ts";
import type { Home } from "../sources/source.ts";
import { ArchiveFile } from "./archive-file.ts";
import type { CompareContext } from "./compare.ts";
import { listArchiveInputs, type ArchiveInput } from "../places/session-parts.ts";

/** Plain data: it goes to another thread. */
export interface PackRequest {
  readonly home: Pick<Home, "runtime" | "root" | "id">;
  readonly session: SessionRecord;
  /** The session's directory. */
  readonly dir: string;
  readonly ledger: string | undefined;
  /** Where the ledger lies below the ledger root. */
  readonly partition: string | null;
  readonly bundles: readonly string[];
  readonly rows: SessionRows;
  readonly schema: CatalogSchema;
  readonly versions: { readonly toolkit: string; readonly sqlite: string };
  /** Where the archive is made. */
  readonly stage: string;
}

/** What packing needs beside: `buffers` may be used again when it has ended. */
export interface PackContext extends CompareContext {
  readonly buffers: readonly [Buffer, Buffer];
}

export interface Packed {
  readonly file: string;
  readonly receipt: Receipt;
}

const TRIES = 5;

/** Throws E_BUSY (3) when the session is written to all the time. */
export async function pack(request: PackRequest, context: PackContext): Promise<Packed> {
  for (let tries = 1; tries <= TRIES; tries++) {
    const events = joinPath(request.dir, EVENTS);
    const cut = noteCut(events);
    if (!cut.fresh) {
      const packed = await packOnce(request, context);
      if (packed && verifyCut(events, cut) === "same") return packed;
    }
    pause(25, context.signal);
  }
  throw new ToolError({
    code: "E_BUSY",
    message: `session ${request.session.id} is written to while it is read`,
    hint: "run it again when the session is idle",
    exit: EXIT.partial,
  });
}

/** Undefined when a file changed under it. */
async function packOnce(request: PackRequest, context: PackContext): Promise<Packed | undefined> {
  const { session, stage, rows } = request;
  const file = joinPath(stage, archiveKey(session.id));
  rmSync(osPath(file), { force: true });
  const { files: gathered, leftOut } = listArchiveInputs({ ...request, root: request.home.root, id: session.id });
  const events = eventFacts(request.dir, context);
  const archive = new ArchiveFile(file, context.buffers, context.made);
  try {
    const files: ReceiptFile[] = [];
    for (const it of gathered) {
      const written = await writeFile(archive, session.id, it);
      if (!written) return undefined;
      files.push(written);
    }
    files.push(await writeRows(archive, session.id, rows.lines));
    const inner = { ...buildReceipt(request, files), ...events, left_out: leftOut };
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

/** What a receipt says of a session before its archive is made. */
export type ReceiptInput = Pick<PackRequest, "home" | "session" | "partition" | "schema" | "versions"> & {
  readonly rows: Pick<SessionRows, "counts">;
};

export function buildReceipt(
  { home, session, partition, rows, schema, versions }: ReceiptInput,
  files: readonly ReceiptFile[],
): Receipt {
  return {
    format: RECEIPT_FORMAT,
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

/** A database that cannot be read is archived as it lies, and marked. */
function eventFacts(dir: string, context: PackContext): { events: EventFacts | null; damaged?: string } {
  try {
    return { events: readEvents(dir, context, (db) => digestEvents(db, context.made)) };
  } catch (error) {
    if (!(error instanceof ToolError) || error.exit !== EXIT.place || !isDamage(error.code)) throw error;
    return { events: null, damaged: error.code };
  }
}

const isDamage = (code: string): boolean =>
  ["E_NO_DATABASE", "E_EMPTY_DATABASE", "E_NOT_A_DATABASE", "E_CORRUPT", "E_FOREIGN_DATABASE"].includes(code);

const modeOf = (mode: bigint): string => (mode & 0o777n).toString(8).padStart(4, "0");

/** Undefined when the file changed since it was looked at. */
export async function writeFile(
  archive: ArchiveFile,
  top: string,
  { path, from, found }: ArchiveInput,
): Promise<ReceiptFile | undefined> {
  const { stat, type } = found;
  const entry = {
    path: `${top}/${path}`,
    type: type === "directory" ? "directory" : "file",
    size: type === "directory" ? 0 : Number(stat.size),
    mode: Number(stat.mode & 0o777n),
    mtime: Number(stat.mtimeNs / 1_000_000_000n),
  } as const;
  const line = {
    path,
    type: entry.type,
    size: entry.size,
    mode: modeOf(stat.mode),
    mtime_us: Number(stat.mtimeNs / 1000n),
  };
  if (type === "directory") {
    await archive.entry(entry);
    return line;
  }
  const opened = openRegularFile(from);
  if (!opened) return undefined;
  try {
    if (!sameIdentity(toIdentity(opened.stat), toIdentity(stat))) return undefined;
    const sha256 = await archive.fileEntry(entry, opened.fd);
    return sha256 === undefined ? undefined : { ...line, sha256 };
  } finally {
    closeSync(opened.fd);
  }
}

export async function writeRows(archive: ArchiveFile, top: string, lines: string): Promise<ReceiptFile> {
  const bytes = Buffer.from(lines);
  const line = { path: ROWS, type: "file", size: bytes.length, mode: "0644", mtime_us: 0 } as const;
  await archive.entry({ path: `${top}/${ROWS}`, type: "file", size: bytes.length, mode: 0o644, mtime: 0 }, bytes);
  return { ...line, sha256: hash("sha256", bytes) };
}
