// Archives as records.
import { allFiles, PARTS, ROWS, storedFiles, type Receipt } from "../formats/archive/receipt.ts";
import type { ManualArchive } from "../places/manual-archives.ts";
import type { ArchiveRecord } from "../records/archive-kind.ts";
import type { SessionRecord } from "../records/runtime-kinds.ts";
import type { Action } from "../records/result-kinds.ts";
import type { Target } from "../targets/target.ts";

export function archiveRecord(target: string, receipt: Receipt): ArchiveRecord {
  const { session, events, later = [] } = receipt;
  const files = allFiles(receipt);
  const regular = files.filter(({ type, path }) => type === "file" && path !== ROWS);
  const has = (path: string): boolean => files.some((file) => file.path === path);
  return {
    kind: "archive",
    runtime: receipt.runtime,
    home: `archive:${target}`,
    id: receipt.session_id,
    session_id: receipt.session_id,
    target,
    form: "archive",
    home_id: receipt.home_id,
    home_path: receipt.home_path,
    name: session.name,
    agent_name: session.agent_name,
    workspace_id: session.workspace_id,
    state: session.state,
    stop_reason: session.stop_reason,
    created_at: session.created_at,
    last_event_at: events?.last_event_at ?? null,
    events: events?.count ?? null,
    last_sequence: events?.last_sequence ?? null,
    ...(events && { events_sha256: events.sha256 }),
    ...(receipt.damaged !== undefined && { damaged: receipt.damaged }),
    ledger: has(`${PARTS.ledger}/ledger.jsonl`),
    seal: has(`${PARTS.ledger}/ledger.seal`),
    rows: receipt.rows,
    schema_version: receipt.schema.version,
    files: regular.length,
    bytes: regular.reduce((sum, { size }) => sum + size, 0),
    ...(receipt.archive && {
      stored_bytes: storedFiles(receipt).reduce((sum, { bytes }) => sum + bytes, 0),
      sha256: receipt.archive.sha256,
    }),
    ...(later.length > 0 && {
      later: storedFiles(receipt)
        .slice(1)
        .map(({ key, bytes, sha256 }) => ({ name: key, bytes, sha256 })),
    }),
    ...(receipt.left_out.length > 0 && { left_out: receipt.left_out }),
  };
}

/** With every path in it. */
export function detailedArchiveRecord(target: string, receipt: Receipt): ArchiveRecord {
  const entries = allFiles(receipt).map(({ path, type, size, mode, mtime_us, sha256 }) => ({
    path,
    type,
    size,
    mode,
    mtime: timeOf(mtime_us),
    ...(sha256 !== undefined && { sha256 }),
  }));
  return { ...archiveRecord(target, receipt), entries };
}

const timeOf = (us: number): string =>
  `${new Date(Math.floor(us / 1e6) * 1000).toISOString().slice(0, -4)}${String(us % 1e6).padStart(6, "0")}Z`;

/** Why a session was not archived. */
export function skippedPutAction(session: SessionRecord, target: string, reason: string): Action {
  const { runtime, home, id } = session;
  return {
    kind: "action",
    runtime,
    home,
    id,
    verb: "put",
    subject: { session_id: id, target },
    state: "skipped",
    reason,
  };
}

/** What archiving would read. */
export function plannedPutAction(session: SessionRecord, target: string): Action {
  const { runtime, home, id } = session;
  const bytes = (session.events_bytes ?? 0) + (session.ledger_bytes ?? 0);
  return {
    kind: "action",
    runtime,
    home,
    id,
    verb: "put",
    subject: { session_id: id, target },
    state: "planned",
    bytes,
  };
}

/** What is known without reading: of a tar its name and size. */
export function manualArchiveRecord(target: Target, archive: ManualArchive): ArchiveRecord {
  const { id, runtime, form, bytes, facts } = archive;
  return {
    kind: "archive",
    runtime,
    home: `archive:${target.url}`,
    id,
    session_id: id,
    target: target.url,
    form,
    ...facts,
    ...(form === "directory" ? { bytes } : { stored_bytes: bytes }),
  };
}
