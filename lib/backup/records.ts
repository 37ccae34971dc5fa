// Snapshots and their listings as records.
import type { ListingLine } from "../formats/repository/listing.ts";
import { isComplete, type CoverageGap, type Manifest } from "../formats/repository/manifest.ts";
import type { RepositoryFile } from "../formats/repository/repository.ts";
import type { SnapshotAssessment } from "../formats/repository/snapshot-state.ts";
import type { EntryRecord, GapRecord, RepositoryRecord, SnapshotRecord } from "../records/toolkit-kinds.ts";

export function repositoryRecord(repo: string, file: RepositoryFile): RepositoryRecord {
  const { id, format, encryption, sign, created_at } = file;
  return {
    kind: "repository",
    id,
    repo,
    format,
    encrypted: encryption !== null,
    ...(encryption && { recipients: encryption.age }),
    ...(sign !== undefined && { signed_by: sign }),
    created_at,
  };
}

export function snapshotRecord(repo: string, manifest: Manifest, assessment?: SnapshotAssessment): SnapshotRecord {
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
    complete: isComplete(manifest),
    ...(assessment && {
      state: assessment.state,
      reasons: assessment.reasons,
      proven_at: assessment.provenAt ?? null,
    }),
    digest,
  };
}

export function entryRecord(snapshot: string, line: ListingLine): EntryRecord {
  const { root, path, class: of, type, size, mode, mtime_ns, link, sha256, database } = line;
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
    ...(link !== undefined && { link, note: `a symbolic link to ${link}, taken with what it leads to` }),
    ...(sha256 !== undefined && { sha256 }),
    ...(database && { database }),
  };
}

export const gapRecord = (snapshot: string, gap: CoverageGap): GapRecord => ({
  kind: "gap",
  id: gap.path === "" ? gap.root : `${gap.root}/${gap.path}`,
  snapshot,
  root: gap.root,
  path: gap.path,
  class: gap.class,
  reason: gap.reason,
  ...(gap.code !== undefined && { code: gap.code }),
  missing: gap.missing ?? false,
  accepted: gap.accepted ?? false,
  ...(gap.files !== undefined && { files: gap.files }),
  ...(gap.bytes !== undefined && { bytes: gap.bytes }),
});
