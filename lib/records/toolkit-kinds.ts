// Record kinds for things that this toolkit makes.
import {
  bigInteger,
  decimal,
  integer,
  json,
  kind,
  list,
  nullable,
  oneOf,
  optional,
  runtimeName,
  text,
  time,
  bool,
  type RecordOf,
} from "./shape.ts";

export const repository = kind("repository", "A backup repository.", {
  id: text("Its ULID."),
  repo: text("Where it is stored; feed it back with --repo."),
  format: integer("Version of the format."),
  encrypted: bool("Whether its packs, indexes and manifests are age files."),
  recipients: optional(list("Whom it is encrypted to.", text("An age recipient."))),
  signed_by: optional(text("The public key that signs its snapshots, as NAME+ID+KEY.")),
  created_at: time("When it was made."),
});

export const snapshot = kind("snapshot", "A finished backup.", {
  runtime: runtimeName("The runtime whose home it holds."),
  home: text("The snapshot as a place: `backup:REPO@ID`; feed it back with --home."),
  id: text("Its ULID."),
  repo: text("The repository that holds it."),
  home_id: text("The id of the home it was taken from."),
  home_path: text("The home's real path at that time."),
  hostname: optional(text("The machine it was taken on.")),
  started_at: time("When create began."),
  finished_at: time("When the manifest was written."),
  consistency: oneOf("How the cut was made.", "cut", "cold"),
  skew_ms: integer("Between the first and the last thing noted at the cut."),
  parent: nullable(text("The snapshot it was compared with.")),
  tags: list("Its tags.", text("A tag.")),
  files: integer("Regular files in it."),
  directories: integer("Directories in it."),
  sessions: integer("Session directories in it."),
  bytes: integer("Bytes of its files."),
  new_files: optional(integer("Files that were read, not reused from the parent.")),
  new_bytes: optional(integer("Bytes of chunks that were not in the repository before.")),
  stored_bytes: optional(integer("Bytes this run added to the repository.")),
  left_out: integer("Paths of the home that are not in it; the manifest names each with its reason."),
  state: optional(
    oneOf(
      "good: a drill of it passed. unproven: nobody has looked. suspect: create found something lost. bad: a drill or a deep verification failed.",
      "good",
      "unproven",
      "suspect",
      "bad",
    ),
  ),
  reasons: optional(list("Why it is in that state.", text("One reason."))),
  complete: optional(bool("Whether all that was to be taken was taken, or its absence is accepted.")),
  proven_at: optional(nullable(time("When the newest drill of it that passed began."))),
  digest: text("SHA-256 that seals the manifest."),
  last_sequence: optional(nullable(integer("With --session: the last event of that session in it."))),
  restored_to: optional(text("The directory that restore wrote it to.")),
});

export const entry = kind("entry", "One path in a snapshot.", {
  id: text("The path: root and path joined by `/`."),
  snapshot: text("The snapshot's id."),
  root: text("`home`, or the root outside it: `ledgers`, `memory`, `ws/<workspace id>`."),
  path: text("Relative to its root."),
  class: text("What it is to a backup."),
  type: oneOf("What it is.", "file", "directory"),
  size: optional(integer("Bytes.")),
  mode: text("Permission bits, octal."),
  mtime_ns: text("Last modification, nanoseconds since 1970."),
  link: optional(text("The text of the symbolic link in its place, which was followed.")),
  note: optional(text("What is special about it, in words.")),
  sha256: optional(text("Digest of the content.")),
  database: optional(json("{pages, copied, last_sequence}")),
});

export const gap = kind("gap", "A path of the home that a snapshot does not hold.", {
  id: text("The path: root and path joined by `/`."),
  snapshot: text("The snapshot's id."),
  root: text("`home`, or the root outside it."),
  path: text("Relative to its root; a directory stands for all below it."),
  class: text("What the path is."),
  reason: text("Why it is not in the snapshot."),
  code: optional(text("The code of the finding: `LINK_LOOP`, `LINK_FOREIGN`, `ROOT_MISSING`, …")),
  missing: bool("It was to be taken and could not be; false where a rule or a flag leaves it out."),
  accepted: bool("Its absence was accepted by name."),
  files: optional(integer("Of a directory: files below it.")),
  bytes: optional(integer("Of a directory: bytes below it.")),
});

export const ledger = kind("ledger", "A session's ledger file.", {
  runtime: runtimeName("The runtime."),
  home: text("The place it was read from."),
  id: text("The session's id."),
  session_id: text("The session."),
  path: text("The file."),
  bytes: integer("Its size."),
  lines: optional(integer("Its lines.")),
  sha256: optional(text("Digest of the file.")),
  state: optional(
    oneOf(
      "What write found or did: purged means that events.db no longer holds anything.",
      "written",
      "equal",
      "purged",
      "planned",
    ),
  ),
});

const trust = oneOf(
  "Whom the answer relies on: the seal itself, a known key's, or a checkpoint's that was kept elsewhere.",
  "self",
  "signed",
  "anchored",
);

export const seal = kind("seal", "The seal of a ledger, or what a check of it found.", {
  runtime: runtimeName("The runtime."),
  home: text("The place it was read from."),
  id: text("The session's id."),
  session_id: text("The session."),
  path: optional(text("The seal's file.")),
  state: optional(oneOf("What seal found or did.", "written", "equal", "planned")),
  status: optional(oneOf("What verify found.", "ok", "tampered", "truncated", "rewritten", "missing", "unsealed")),
  trust: optional(trust),
  reason: optional(text("Why it is not ok, or not trusted more, in words.")),
  first_bad_line: optional(integer("From 1; one past the end of a ledger that was cut short.")),
  first_bad_block: optional(integer("From 1, of 256 lines each.")),
  bytes: optional(integer("Bytes of the ledger, as sealed.")),
  lines: optional(integer("Lines of the ledger, as sealed: the size of the tree.")),
  root: optional(text("Root of the RFC 9162 tree over the lines, hex.")),
  signers: optional(list("Who signed it.", text("Key name and id: `NAME+ID`."))),
});

export const proof = kind("proof", "What a check of a proof file found.", {
  id: text("Session and sequence: `ID#SEQ`, `ID#head` for the ledger's first line."),
  session_id: text("The session."),
  status: oneOf("Whether the line is in the sealed ledger.", "ok", "bad"),
  trust: optional(trust),
  reason: optional(text("Why it is bad, or not trusted more.")),
  line: integer("The line's place in the ledger, from 1."),
  lines: integer("Lines of the ledger."),
  root: text("Root of the tree, hex."),
  signers: list("Who signed it.", text("Key name and id: `NAME+ID`.")),
  content: text("The proven line, as it stands in the ledger."),
});

export const salvage = kind("salvage", "What was salvaged from one table of a broken database.", {
  runtime: optional(runtimeName("The runtime whose database it is, by its tables.")),
  home: text("The file: `sqlite:PATH`."),
  id: text("The table."),
  table: text("The table."),
  out: optional(text("The new database.")),
  whole: integer("Rows that are as they were stored; these are in the new database."),
  partial: integer("Rows of which some is lost or doubtful."),
  maybe_deleted: integer("Rows from space that may hold deleted rows."),
  duplicate: integer("Rows that another, more reliable row replaces."),
  expected: nullable(integer("Rows it should have, by its indexes and its sequence; null where that is not known.")),
  share: nullable(decimal("whole / expected; 1 where nothing is expected.")),
  gaps: list("Numbers missing in its sequence, the first hundred ranges.", json("{from, to}")),
  complete: bool("Nothing is missing, as far as can be determined."),
});

export const tombstone = kind("tombstone", "What a home keeps of a session that agh-vacuum retired.", {
  runtime: runtimeName("The runtime."),
  home: text("The home."),
  id: text("The session's id."),
  session_id: text("The session."),
  retired_at: optional(time("When.")),
  target: optional(text("Where its archive is stored; feed it to agh-archive get --from.")),
  sha256: optional(text("Digest of the archive.")),
  snapshot: optional(text("The snapshot that holds it, as a place: `backup:REPO@ID`.")),
  trash: optional(text("The run below `.agh-toolkit/trash` that took it.")),
  last_sequence: optional(nullable(bigInteger("Sequence of its last event."))),
  problem: optional(text("What is wrong with the tombstone itself.")),
});

export const trash = kind("trash", "Something that agh-vacuum, or another command, has moved to a home's trash.", {
  runtime: runtimeName("The runtime."),
  home: text("The home."),
  id: text("The session's id; of anything else the run's."),
  session_id: optional(text("The session.")),
  of: oneOf(
    "A session; rows of a database; files that another command has replaced; what a run that can be undone has kept.",
    "session",
    "rows",
    "files",
    "run",
  ),
  sessions: optional(integer("Of rows: the sessions that they are of.")),
  run: text("The run that put it there."),
  trashed_at: optional(time("When; absent where its name does not say.")),
  bytes: integer("Bytes that emptying frees."),
  restorable: bool("Whether trash restore can restore it."),
  undo: optional(text("The command that undoes the run, as long as this is kept.")),
  problem: optional(text("What was changed.")),
});

export const run = kind("run", "A run of any command that was killed while it changed a home.", {
  runtime: runtimeName("The runtime."),
  home: text("The home."),
  id: text("The run's ULID; feed it to agh-reconcile undo."),
  tool: nullable(text("Command and verb; null where nothing tells.")),
  state: oneOf(
    "unfinished: the next command that changes the home finishes it. refused: it cannot be finished here.",
    "unfinished",
    "refused",
  ),
  reason: text("Why it cannot be finished here, or what becomes of it."),
  steps: integer("Steps of its journal."),
  sessions: optional(integer("Sessions that it moves or removes.")),
  bytes: integer("Bytes of what it staged and kept."),
  started_at: optional(time("When; absent where its name does not say.")),
  next: text("The command that takes it back, or sets it aside."),
});

export const space = kind("space", "What the bytes of a home are used for, or what a command would free.", {
  runtime: runtimeName("The runtime."),
  home: text("The home."),
  id: text("What of, and its name: `files:ledgers`, `table:agh.db/event_summaries`, `frees:trash`, …"),
  of: oneOf(
    "What the bytes are used for; those of `frees` a command would free.",
    "disk",
    "files",
    "table",
    "full_text",
    "event_type",
    "free_pages",
    "frees",
  ),
  name: text("The kind of file, the table, the type of event; of `frees` what would be removed."),
  bytes: nullable(integer("Bytes there are, or that the command frees; null where it is not known.")),
  items: optional(integer("Files, rows or sessions.")),
  needs_bytes: optional(
    integer("About how many free bytes the command needs while it runs; on a full disk look for 0."),
  ),
  next: optional(text("What to type.")),
  note: optional(text("What to know before you run it.")),
});

export const TOOLKIT_KINDS = [
  repository,
  snapshot,
  entry,
  gap,
  ledger,
  seal,
  proof,
  salvage,
  tombstone,
  trash,
  run,
  space,
] as const;

export type RepositoryRecord = RecordOf<typeof repository>;
export type SnapshotRecord = RecordOf<typeof snapshot>;
export type EntryRecord = RecordOf<typeof entry>;
export type GapRecord = RecordOf<typeof gap>;
export type LedgerRecord = RecordOf<typeof ledger>;
export type SealRecord = RecordOf<typeof seal>;
export type ProofRecord = RecordOf<typeof proof>;
export type SalvageRecord = RecordOf<typeof salvage>;
export type TombstoneRecord = RecordOf<typeof tombstone>;
export type TrashRecord = RecordOf<typeof trash>;
export type RunRecord = RecordOf<typeof run>;
export type SpaceRecord = RecordOf<typeof space>;
