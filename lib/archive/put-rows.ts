// Archives sessions that are rows of a database (agsh's, AGDD's): the rows, and the directories that are theirs.
import { hash } from "node:crypto";
import { existsSync, rmSync } from "node:fs";
import { createCollector } from "../files/memory.ts";
import { joinPath, osPath } from "../files/os-path.ts";
import { readReceipt } from "../formats/archive/archive-reader.ts";
import { archiveKey, innerReceipt, RECEIPT, ROWS, type Receipt, type ReceiptFile } from "../formats/archive/receipt.ts";
import { decodeRows } from "../formats/archive/rows.ts";
import { pathsChangedSince } from "../places/receipt-changes.ts";
import { listTreeInputs, type ArchiveInputs } from "../places/session-parts.ts";
import type { OpenPlace } from "../places/detect-source.ts";
import type { Deps } from "../records/deps.ts";
import { EXIT, ToolError } from "../records/error.ts";
import type { AnyRecord } from "../records/record.ts";
import type { Tally } from "../records/summary.ts";
import type { SessionRecord } from "../records/runtime-kinds.ts";
import type { Archival, ArchivedRows } from "../sources/archival.ts";
import { countsOf } from "../sources/owned-rows.ts";
import type { SessionFilter } from "../sources/source.ts";
import type { Target } from "../targets/target.ts";
import { ArchiveFile } from "./archive-file.ts";
import { compareRows } from "./compare-rows.ts";
import { buildReceipt, writeFile, writeRows, type ReceiptInput, type Packed } from "./pack.ts";
import { writeReceiptUpload } from "./receipt-upload.ts";
import { archiveRecord, plannedPutAction, skippedPutAction } from "./records.ts";
import { Uploader } from "./uploader.ts";

export interface PutRowSessions {
  readonly opened: OpenPlace;
  readonly archival: Archival;
  readonly sessions: SessionFilter;
  readonly target: Target;
  readonly versions: ReceiptInput["versions"];
  readonly dryRun: boolean;
}

/** What is synced, put and read back together. */
const BATCH = 256;

/** As putSessions, for one home. */
export async function* putRowSessions(put: PutRowSessions, deps: Deps, tally: Tally): AsyncGenerator<AnyRecord> {
  const { opened, sessions, target, dryRun } = put;
  const pending: SessionRecord[] = [];
  for await (const session of opened.source.sessions(opened.home, { ...sessions, lastEvents: true }, deps)) {
    const record = await checkExisting(session, put, deps, tally);
    if (record) yield record;
    else pending.push(session);
  }
  if (dryRun) {
    for (const session of pending) {
      const action = plannedPutAction(session, target.url);
      tally.done(action.bytes);
      yield action;
    }
    return;
  }
  if (pending.length === 0) return Uploader.removeStale(target);
  using uploader = new Uploader(target, deps);
  const buffers = ArchiveFile.buffers();
  for (let at = 0; at < pending.length; at += BATCH) {
    yield* putBatch(pending.slice(at, at + BATCH), { ...put, uploader, buffers }, deps, tally);
    const done = Math.min(at + BATCH, pending.length);
    deps.progress.update({ label: "archived", done, total: pending.length, unit: "items" });
  }
}

interface Putting extends PutRowSessions {
  readonly uploader: Uploader;
  readonly buffers: [Buffer, Buffer];
}

async function* putBatch(
  batch: readonly SessionRecord[],
  putting: Putting,
  deps: Deps,
  tally: Tally,
): AsyncGenerator<AnyRecord> {
  const { uploader, target, archival } = putting;
  const stage = uploader.stage();
  const packed: Packed[] = [];
  for (const session of batch) {
    deps.signal.throwIfAborted();
    packed.push(await pack(session, stage, putting, deps));
  }
  await uploader.putArchives(
    packed.map(({ file, receipt }) => ({ key: archiveKey(receipt.session_id), file, ...receipt.archive! })),
  );
  for (const { receipt } of packed) await compareRows(target, receipt, archival);
  await uploader.putReceipts(packed.map(({ receipt }) => writeReceiptUpload(receipt, stage)));
  for (const { receipt } of packed) {
    tally.done(receipt.archive!.bytes);
    yield { ...archiveRecord(target.url, receipt), status: "archived" };
  }
}

/** A record for a session that is skipped, or archived already; undefined for one that is to be archived. */
async function checkExisting(
  session: SessionRecord,
  put: PutRowSessions,
  deps: Deps,
  tally: Tally,
): Promise<AnyRecord | undefined> {
  const { archival, opened, target } = put;
  const skip = (reason: string): AnyRecord => {
    tally.failed(EXIT.partial);
    return skippedPutAction(session, target.url, reason);
  };
  const reason = archival.reasonAgainst(session);
  if (reason !== undefined) return skip(reason);
  const receipt = await receiptIn(target, session.id);
  if (receipt instanceof ToolError) return skip(`${receipt.message}: move it away, then archive again`);
  if (!receipt) return undefined;
  const rows = archival.readRows(opened.home, session.id, deps);
  const changed = pathsChangedSince(receipt, ownFiles(put, session).files);
  const head = await target.head(archiveKey(session.id));
  if (head?.size !== receipt.archive!.bytes)
    return skip("its archive does not match its receipt: run agh-archive verify");
  if (changed.length > 0 || digestOf(rows) !== receipt.files.find(({ path }) => path === ROWS)?.sha256) {
    return skip("an earlier state of it is archived there: name another target");
  }
  tally.done();
  return { ...archiveRecord(target.url, receipt), status: "unchanged" };
}

/** The trouble itself where it is damaged. */
async function receiptIn(target: Target, id: string): Promise<Receipt | ToolError | undefined> {
  try {
    return await readReceipt(target, id);
  } catch (error) {
    if (error instanceof ToolError && error.code === "E_RECEIPT_DAMAGED") return error;
    throw error;
  }
}

const digestOf = ({ lines }: ArchivedRows): string => hash("sha256", Buffer.from(lines));

function ownFiles({ archival, opened }: PutRowSessions, { id }: SessionRecord): ArchiveInputs {
  return listTreeInputs(archival.trees(opened.home, id).filter(({ dir }) => existsSync(osPath(dir))));
}

const TRIES = 5;

async function pack(session: SessionRecord, stage: string, putting: Putting, deps: Deps): Promise<Packed> {
  for (let tries = 1; tries <= TRIES; tries++) {
    const packed = await packOnce(session, stage, putting, deps);
    if (packed) return packed;
  }
  const message = `session ${session.id} is written to while it is read`;
  throw new ToolError({ code: "E_BUSY", message, hint: "run it again when it is idle", exit: EXIT.busy });
}

/** Undefined when a file changed under it. */
async function packOnce(
  session: SessionRecord,
  stage: string,
  putting: Putting,
  deps: Deps,
): Promise<Packed | undefined> {
  const { archival, opened, versions, buffers } = putting;
  const { id } = session;
  const file = joinPath(stage, archiveKey(id));
  rmSync(osPath(file), { force: true });
  const { files: gathered, leftOut } = ownFiles(putting, session);
  const { lines, schema } = archival.readRows(opened.home, id, deps);
  const rows = decodeRows(Buffer.from(lines));
  const archive = new ArchiveFile(file, buffers, createCollector());
  try {
    const files: ReceiptFile[] = [];
    for (const it of gathered) {
      const written = await writeFile(archive, id, it);
      if (!written) return undefined;
      files.push(written);
    }
    files.push(await writeRows(archive, id, lines));
    const described = {
      home: opened.home,
      session,
      partition: null,
      rows: { counts: countsOf(rows) },
      schema,
      versions,
    };
    const inner: Receipt = { ...buildReceipt(described, files), events: archival.facts(rows), left_out: leftOut };
    const bytes = innerReceipt(inner);
    await archive.entry({ path: `${id}/${RECEIPT}`, type: "file", size: bytes.length, mode: 0o644, mtime: 0 }, bytes);
    return { file, receipt: { ...inner, archive: await archive.close() } };
  } finally {
    await archive.abandon();
  }
}
