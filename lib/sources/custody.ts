// Custody of a session: how every tool takes it apart and puts it together, whatever its runtime makes it of: files, rows, or both.
import type { DatabaseSync } from "node:sqlite";
import type { EventFacts, ReceiptFile, SessionFacts } from "../formats/archive/receipt.ts";
import type { RowsFile } from "../formats/archive/rows.ts";
import type { PathFacts } from "../files/walk.ts";
import type { RowExecutor } from "../journal/journal-home.ts";
import type { Seen } from "../journal/steps.ts";
import type { Deps } from "../records/deps.ts";
import type { Finding } from "../records/result-kinds.ts";
import type { SessionRecord } from "../records/runtime-kinds.ts";
import type { Home } from "./home.ts";

/** Top names within an archive, and what they hold of a session. */
export type PartName = "session" | "ledger" | "bundles";

/** A directory of a session's own, where it lies or would lie. */
export interface OwnTree {
  readonly part: PartName;
  readonly dir: string;
  /** Names in it that belong to the session, where not all do. */
  readonly only?: readonly string[];
  /** It is archived with the session and stays when the session is removed. */
  readonly stays?: true;
}

/** A file or directory of a session. */
export interface OwnPath {
  /** In an archive: `session/events.db`. */
  readonly path: string;
  /** Where it lies, absolute. */
  readonly from: string;
  readonly found: PathFacts;
  /** A symbolic link leads to it. */
  readonly isLink?: true;
  /** Why no archive takes it, though it goes with the session. */
  readonly excluded?: string;
}

export interface UnexpectedPath {
  readonly path: string;
  readonly reason: string;
  /** It may be a part of the session, and cannot be read: `LINK_DANGLING`, … */
  readonly code?: string;
}

export interface LinkedPath {
  readonly path: string;
  readonly text: string;
}

/** A session as it lies in the home. Nothing of it was opened. */
export interface LocalSession {
  readonly id: string;
  readonly session: SessionRecord;
  readonly trees: readonly OwnTree[];
  /** Every file and directory, in the order of an archive. */
  readonly paths: readonly OwnPath[];
  /** What lay at a path that goes when these were listed, for the step that takes it out; without it, it is looked at again. */
  readonly seen?: (path: string) => Seen | undefined;
  /** What is not a session's, a socket or a link, with the reason. */
  readonly unexpected: readonly UnexpectedPath[];
  /** Symbolic links that were followed: what they lead to is archived, and nothing is removed through them. */
  readonly links?: readonly LinkedPath[];
  /** The directory below the ledger root that its ledger lies in; null where it has none. */
  readonly partition: string | null;
  /** Rows by table that go with it when it is removed; {} where they stay, or where there are none. */
  readonly rows: { readonly [table: string]: number };
  /** Bytes that its removal gives back, about. */
  readonly bytes: number;
  /** Over all that goes with it: names, sizes, times and inodes of files; counts, ends, sizes and times of rows, as the runtime's indexes tell them. */
  readonly fingerprint: string;
}

/** All rows of one session, from one moment, as JSON Lines (lib/formats/archive/rows.ts). */
export interface SessionRows {
  readonly lines: string;
  readonly counts: { readonly [table: string]: number };
}

/** Tells one shape of the database from another. */
export interface RowSchema {
  readonly version: string | null;
  readonly sha256: string;
}

/** The parts of a session, wherever they lie: in the home, in an archive, in a snapshot. */
export interface SessionParts {
  readonly id: string;
  /** Runtime and home that it was taken of; the home's id is undefined where nobody wrote it down. */
  readonly runtime: string;
  readonly homeId: string | undefined;
  readonly partition: string | null;
  readonly files: readonly ReceiptFile[];
  /** Of the rows; undefined where none came along. */
  readonly schema: RowSchema | undefined;
  rows(): Promise<RowsFile>;
  /** Lays a file of the parts out, for reading. */
  withFile<T>(path: string, use: (file: string) => T | Promise<T>): Promise<T>;
  /** Opens a database among the parts, for reading. */
  database<T>(path: string, use: (db: DatabaseSync) => T): Promise<T>;
}

/** What a receipt says of a session's events. `damaged`: the code of what keeps them from being read. */
export interface FoundEvents {
  readonly events: EventFacts | null;
  readonly damaged?: string;
}

/** What of a session's rows a home has. */
export type RowsState =
  /** All of them, or there are none to have. */
  { readonly state: "present" } | { readonly state: "missing" } | RowsConflict;

/** Others are there, or the home does not take them. */
export interface RowsConflict {
  readonly state: "conflict";
  /** `E_EXISTS`: other rows of the session are there. */
  readonly code: "E_EXISTS" | "E_HOSTILE_ROWS" | "E_SCHEMA_DIFFERS" | "E_WORKSPACE_TAKEN";
  /** In words that can stand alone, but for E_EXISTS and E_HOSTILE_ROWS: there it names what would be overwritten, or is hostile. */
  readonly reason: string;
  readonly hint?: string;
}

/** The custody of one home, opened: what is looked up once for all its sessions. */
export interface HomeCustody {
  readonly home: Home;
  /** Why a session must not be archived or removed now; undefined when it may. */
  reasonAgainst(session: SessionRecord): string | undefined;
  /**
   * Undefined where nothing of the session lies here. What rows tell is read when it is first needed, for all sessions that were
   * inspected by then: inspect all that are of interest, then look at their `rows`, `bytes` and `fingerprint`; at the latest when the
   * session's rows are read.
   */
  inspect(session: SessionRecord): LocalSession | undefined;
  /** Rows of many sessions from one state of the database. */
  rows(ids: readonly string[]): { readonly schema: RowSchema; readonly of: ReadonlyMap<string, SessionRows> };
  /** What a receipt says of the events of a session that lies here. */
  events(local: LocalSession): Promise<FoundEvents>;
  /**
   * Where the parts of a session lie, or would lie; a part that is not among them has no place here. A tree with `only` is shared with
   * other sessions: what is installed there is installed file by file. Throws E_HOSTILE_ARCHIVE (4) for an id or a partition that is not a
   * name.
   */
  trees(id: string, partition: string | null): readonly OwnTree[];
  /**
   * Whether sessions are there as far as rows say so, in the order given, all against one state of the database but for very many.
   * `thorough`: every row is looked for, and what the home would not take is a conflict; for parts whose rows are at hand. Without it
   * the rows are read only where nothing else tells.
   */
  compareRows(
    sessions: readonly SessionParts[],
    options?: { readonly thorough?: boolean },
  ): Promise<readonly RowsState[]>;
  /** Why no archive takes a file, by its path in an archive; undefined where it does. An older archive may hold it. */
  exclusionOf?(path: string): string | undefined;
}

export interface ManualDirectories {
  /** Names of files of which such a directory has one. */
  readonly names: readonly string[];
  /** The session that it is of: its own name where nothing in it says otherwise. */
  idOf(dir: string): string;
  /** What its own files say of it; undefined where they cannot be read. */
  factsOf(dir: string): ManualFacts | undefined;
  /** The session's directory within `dir`: itself, or the one below it where the session's files lie. */
  within(dir: string): string | undefined;
  /** Undefined where there is no valid session of this id within `dir`. */
  adopt(id: string, dir: string, deps: Pick<Deps, "env" | "signal">): AdoptedSession | undefined;
}

export type ManualFacts = Pick<
  SessionFacts,
  "name" | "agent_name" | "workspace_id" | "state" | "stop_reason" | "created_at"
>;

export interface AdoptedSession extends SessionParts {
  /** The session's directory itself: its part `session`. */
  readonly dir: string;
}

export interface Custody {
  /** Throws (4) where the home's settings cannot be read: they say where its sessions lie. */
  open(home: Home, deps: Deps): Promise<HomeCustody>;
  /**
   * What a receipt says of the events among parts that were taken elsewhere: the same as `HomeCustody.events` said. `made` hears of the
   * buffers that are left behind.
   */
  events(parts: SessionParts, made?: (bytes: number) => void): Promise<FoundEvents>;
  /** Changes the home's rows, step by step of a journal. */
  rowExecutor(home: Home, deps: Deps): RowExecutor;
  /** Makes what a home of nothing but these rows has, below `root`, for reading only. */
  extractRows(root: string, rows: readonly RowsFile[]): void;
  /** The rows as of a session that nobody holds: a lock is never restored. */
  withoutLocks?(rows: RowsFile): RowsFile;
  /** Rows of many sessions, as the trash keeps them, by session. */
  bySession?(rows: RowsFile): ReadonlyMap<string, RowsFile>;
  /** Sessions' directories that were moved by hand, where the runtime's own documentation says so. */
  readonly manual?: ManualDirectories;
  /** Warnings about a home that was put together from a copy: a vault without its key. */
  restored?(home: Home, root: string): readonly Pick<Finding, "id" | "code" | "severity" | "message" | "evidence">[];
}
