// Upkeep: what agh-vacuum asks of a runtime beyond custody. A part that a runtime does not have is refused for its homes.
import type { FileMark } from "../files/file-mark.ts";
import type { RunFacts } from "../policy/expired-runs.ts";
import type { RetirementRules } from "../policy/retirement.ts";
import type { Deps } from "../records/deps.ts";
import type { SessionRecord } from "../records/runtime-kinds.ts";
import type { TableSpace } from "../sqlite/read/table-space.ts";
import type { Home } from "./home.ts";

export interface Upkeep {
  readonly retirement?: RetirementUpkeep;
  /** Of a runtime whose sessions go by a retention of its own; then no other policy retires them. */
  readonly runs?: RunUpkeep;
  readonly databases?: DatabaseUpkeep;
  readonly purge?: PurgeUpkeep;
  readonly space?: SpaceUpkeep;
}

/** What the retirement of sessions needs to know of a runtime. */
export interface RetirementUpkeep {
  /** Names of the gates that its sessions can answer; all unless given. */
  readonly gates?: readonly string[];
  /** What --keep-agent and --keep-workspace can name; undefined where its sessions have neither. */
  readonly floors?: FloorNames;
  /** Reads the home's own settings; throws (4) where they cannot be read. What is returned tells the policy that they set, and throws (2) for a bad value. */
  rules?(home: Home): Promise<() => RetirementRules>;
  /** When a session without events was last used, as RFC 3339; not known unless given. */
  lastUse?(session: SessionRecord): string | null;
}

export interface FloorNames {
  /** Agents that the home describes, whether they have worked or not. */
  agents(home: Home): readonly string[];
  /** Ids of the workspaces that words name: either id, name or path. A word that names none stands for itself. */
  workspaces(words: readonly string[], home: Home, deps: Deps): Promise<ReadonlySet<string>>;
}

/** The retention of runs, as a project's own settings describe it. */
export interface RunUpkeep {
  /** Throws (6) where there is no database, (2) for a setting that cannot be read. */
  settings(home: Home, deps: Deps): RunSettings;
  /** All from one state of the database. Throws (4) where something in it would change more than the runs that are removed. */
  read(home: Home, deps: Deps, keep: (runs: readonly RunFacts[]) => ReadonlyMap<string, unknown>): RunSurvey;
}

export interface RunSettings {
  /** Undefined where nothing sets it. */
  readonly hotDays: number | undefined;
  /** Undefined where runs need no archive before they are removed. */
  readonly archive: { readonly destination: string | undefined } | undefined;
  /** What the names of its settings begin with. */
  readonly prefix: string;
}

export interface RunSurvey {
  readonly runs: readonly RunFacts[];
  /** Those that `keep` does not name, in order of id. */
  readonly expired: readonly ExpiredRun[];
}

export interface ExpiredRun extends RunFacts {
  readonly agent: string;
  readonly status: string;
  /** Rows by table that go with it, its own not among them. */
  readonly rows: { readonly [table: string]: number };
  readonly bytes: number;
  /** Over everything that the decision to remove it rests on. */
  readonly fingerprint: string;
}

/** Databases that may be rewritten without their free pages. */
export interface DatabaseUpkeep {
  /** The catalog first, then those of the sessions by id. */
  list(home: Home, deps: Deps): Promise<readonly HomeDatabase[]>;
  /** The name of the one that holds the state of the whole home. */
  readonly catalog: string;
  /** The directory that the others lie in. */
  below(home: Home): string;
  /** The one of a session, as a path in its archive: rewritten, it is other bytes and the same events. */
  readonly part: string;
}

export interface HomeDatabase {
  readonly path: string;
  readonly id: string;
  readonly session: string | undefined;
  /** Why it must be left alone. */
  readonly inUse: string | undefined;
  /** Tables whose rowids the runtime counts by though no column is one, by their key. */
  readonly keyed: { readonly [table: string]: readonly string[] };
  /** Its full text indexes are looked at, and made anew where they are not those of their rows. */
  readonly hasFullText: boolean;
}

/** Rows of events that a ledger holds as well. */
export interface PurgeUpkeep {
  /** What is lost with them, in words. */
  readonly loses: string;
  /** Milliseconds for which they stay after the last event. Throws (4) where the settings cannot be read, (2) for a bad value. */
  grace(home: Home): Promise<number>;
  open(home: Home, deps: Deps): Promise<HomePurge>;
}

export interface HomePurge {
  /** Undefined where there is nothing to purge; in words why rows that are there must stay. Reads all of both. */
  inspect(session: SessionRecord, grace: number): Purgeable | string | undefined;
  /** How the database of a session is written anew. */
  rewrite(session: SessionRecord): PurgeRewrite;
}

/** A session whose rows may go. */
export interface Purgeable {
  readonly verdict: "equal" | "ended_at";
  readonly events: number;
  readonly first_sequence: number | string | null;
  readonly last_sequence: number | string | null;
  readonly last_event_at: string | null;
  /** Over every column of every event, in the database as in the ledger. */
  readonly sha256: string;
  /** Bytes that the database will have less, and those it will have, both about. */
  readonly frees: number;
  readonly keeps: number;
  readonly file: FileMark | null;
  readonly wal: FileMark | null;
  readonly ledger: FileMark | null;
}

export interface PurgeRewrite {
  readonly path: string;
  /** The table that is emptied. */
  readonly table: string;
  /** The time that the new file gets, in milliseconds since 1970: by it the runtime's readers know. */
  mtime(out: string): number;
}

/** What the bytes of a home are. */
export interface SpaceUpkeep {
  /** Pure: it is called once a file. `root` as of `Source.roots`. */
  place(root: string, path: string): FilePlace;
  readonly catalog: { readonly name: string; file(home: Home): string };
  /** The name of the sessions' own databases. */
  readonly events: string;
  /** Of the catalog, largest first. Reads every page. */
  tables(home: Home, deps: Deps): readonly TableSpace[];
  /** Over all sessions, largest first. Reads every event. */
  eventTypes(home: Home, deps: Deps): Promise<readonly EventTypeSpace[]>;
  /** Names of sessions' directories that the catalog says are not stopped. */
  active(home: Home, deps: Deps): ReadonlySet<string>;
  /** Where archives lie unless somebody says otherwise, relative to the home. */
  readonly archives: string;
}

export interface FilePlace {
  /** What it is counted as. */
  readonly kind: string;
  /** The name of the directory of the session that it belongs to. */
  readonly session?: string;
  readonly of?: "events" | "ledger";
  /** The session that it is the receipt of. */
  readonly receipt?: string;
}

export interface EventTypeSpace {
  readonly type: string;
  readonly events: number;
  /** Of their content. */
  readonly bytes: number;
}
