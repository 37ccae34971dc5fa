// Snapshots and their listings as records.
import type { ListingLine } from "../formats/repository/listing.ts";
import type { Manifest } from "../formats/repository/manifest.ts";
import type { EntryRecord, SnapshotRecord } from "../records/toolkit-kinds.ts";

export function snapshotRecord(repo: string, manifest: Manifest): SnapshotRecord {
  const { id, runtime, totals, coverage, digest } = manifest;
  const { home_id, home_path, hostname, started_at, finished_at, consistency, skew_ms, parent, tags } = manifest;
  return {
    kind: "snapshot",
    runtime,
    home: `backup:${repo}@${id}`,
    id,
    repo,
    home_id,
    home_path,
    hostname,
    started_at,
    finished_at,
    consistency,
    skew_ms,
    parent,
    tags,
    ...totals,
    left_out: coverage.length,
    digest,
  };
}

export function entryRecord(snapshot: string, line: ListingLine): EntryRecord {
  const { root, path, class: of, type, size, mode, mtime_ns, sha256, database } = line;
  return {
    kind: "entry",
    id: path === "" ? root : `${root}/${path}`,
    snapshot,
    root,
    path,
    class: of,
    type,
    ...(size !== undefined && { size }),
    mode,
    mtime_ns,
    ...(sha256 !== undefined && { sha256 }),
    ...(database && { database }),
  };
}
