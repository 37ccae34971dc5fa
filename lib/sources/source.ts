// The interface of a runtime: where its state lies and how it is read. One folder a runtime implements it.
import type { SearchField } from "../policy/search-field.ts";
import type { Term } from "../policy/search-query.ts";
import type { Block, AnyRecord } from "../records/record.ts";
import type { Deps } from "../records/deps.ts";
import type { Boot } from "../records/result-kinds.ts";
import type { HomeRecord, PathRecord, SessionRecord } from "../records/runtime-kinds.ts";
import type { Scratch } from "../files/scratch.ts";
import type { PathFault } from "../files/walk.ts";
import type { Classification } from "./classes.ts";
import type { CountedTables, SessionPart } from "./contents.ts";
import type { Custody } from "./custody.ts";
import type { DatabaseCheck } from "./database-check.ts";
import type { EventColumnsReader } from "./event-columns.ts";
import type { Home, SessionFilter, SessionSort } from "./home.ts";
import type { HomeCut } from "./home-cut.ts";
import type { Repairer } from "./repair.ts";
import type { Ledgers } from "./ledgers.ts";
import type { LossExplainer } from "./losses.ts";
import type { Upkeep } from "./upkeep.ts";

export type { Classification, Home, SessionFilter, SessionSort };

export interface EventRange {
  readonly types?: readonly string[];
  readonly turns?: readonly string[];
  readonly afterSequence?: number;
  readonly tail?: number;
}

/** How a home is as a whole. */
export type HomeState = Pick<HomeRecord, "alive" | "version" | "pid" | "catalog_bytes">;

export interface FollowOptions {
  readonly sessionIds: readonly string[];
  readonly range: EventRange;
  /** Ends when nothing came for so many milliseconds. */
  readonly idleExit: number | undefined;
}

/** What is searched for: all of the terms must occur in an event; without any every event is meant. */
export interface CandidateQuery {
  readonly sessions: SessionFilter;
  /** [] is all. */
  readonly types: readonly string[];
  /** [] is all. */
  readonly fields: readonly SearchField[];
  readonly terms: readonly Term[];
}

/** Kinds that `records` can list, by runtime. */
export type DetailKind =
  | "usage"
  | "hook_run"
  | "permission"
  | "process"
  | "workspace"
  | "vault_ref"
  | "failure"
  | "tool"
  | "turn"
  | "row";

/** What a runtime can do besides listing sessions and events. */
export type Ability = "archive" | "reconcile" | "ledger" | "vacuum" | "runs" | "liveness" | DetailKind;

/** What a detail verb asks for; a list that is empty or missing selects all. */
export interface DetailQuery {
  readonly sessions?: SessionFilter;
  /** How many records are taken: who gathers more before yielding them stops there. */
  readonly limit?: number | undefined;
  /** `row`: the table; undefined lists the tables. */
  readonly name?: string | undefined;
  /** `row`: the column to sort by, descending with a leading `-`. */
  readonly order?: string | undefined;
  /** `tool`: only these tools. */
  readonly names?: readonly string[] | undefined;
  /** `tool`, `hook_run` */
  readonly outcomes?: readonly string[] | undefined;
  /** `hook_run`: what the hook ran for. */
  readonly events?: readonly string[] | undefined;
  /** `permission` */
  readonly decisions?: readonly string[] | undefined;
  /** `process`: its own state, not the session's. */
  readonly states?: readonly string[] | undefined;
  /** `vault_ref` */
  readonly namespaces?: readonly string[] | undefined;
  /** `turn`: steps of the runtime that have turns of their own (hook dispatches, lifecycle) as well. */
  readonly all?: boolean | undefined;
}

/** How many events of each type there are, sorted by type. */
export type EventTypes = { readonly [type: string]: number };

/** What one turn (of AGDD one entry of its cost ledger) used. */
export interface UsedTurn {
  /** RFC 3339, UTC. */
  readonly timestamp: string;
  readonly turn: string | null;
  /** Input, output, total, thought, cache read and cache write; null where nothing was reported. */
  readonly tokens: readonly (number | null)[];
  /** What was added. */
  readonly cost: number | null;
  readonly currency: string | null;
  /** Where they differ from the session's. */
  readonly agent?: string | undefined;
  readonly provider?: string | undefined;
  readonly model?: string | undefined;
}

/** What one session used, and what it is grouped by. */
export interface SessionUsage {
  /** Null for what no session is named for. */
  readonly session: string | null;
  readonly agent: string | null;
  readonly provider: string | null;
  readonly model: string | null;
  readonly workspace: string | null;
  readonly turns: readonly UsedTurn[];
}

/** A directory tree that belongs to a home: the home itself, or one outside it that its configuration points to. */
export interface Root {
  /** `home`, `ledgers`, `memory`, `ws/<workspace id>`: the `root` of every path record and listing line. */
  readonly name: string;
  readonly dir: string;
  /** Where set, only these names of the directory belong to the home: of a workspace `.agh` and `.env`. */
  readonly only?: readonly string[];
  /** Why it cannot be read, though it is to be there. */
  readonly missing?: PathFault;
}

/** A place where a home may lie, and the words that say why it is looked for there. */
export interface DefaultRoot {
  readonly dir: string;
  readonly label: string;
}

/** Of a runtime whose sessions have files of their own: which they are, by names alone. Pure and cheap. */
export interface SessionLayout {
  /** The directory, or the file, that is a session's above all, below the home; undefined for what cannot be an id. */
  top(id: string): string | undefined;
  /** The session whose top a path of the home is. */
  idOf(path: string): string | undefined;
  /** Whether a path of a root is a session's own. */
  owns(id: string, root: string, path: string): boolean;
}

/** Reads the events of many sessions, one after another. */
export interface EventsReader extends Disposable {
  events(sessionId: string, range: EventRange): AsyncIterable<Block | AnyRecord>;
}

/** How homes of a runtime are recognised: all that is loaded of those that are not met. */
export interface RuntimeMarkers<Name extends string = string> {
  readonly runtime: Name;
  /** The home's root that a path means: of AGDD also the parent of its `.agdd`. Without it the path itself. */
  rootOf?(path: string): string;
  /** True when `root` bears this runtime's markers. */
  detect(root: string): boolean;
  /** A home may bear nothing but names that many a directory has, such as a bare `sessions/`: any other runtime goes first. */
  readonly hasCommonMarkers?: true;
  /** What a home is called where it lies in the directory that was named. */
  readonly names?: readonly string[];
  /** The markers, in words that go on from "it has none of". */
  readonly markers: string;
  /** Where a home is looked for when none is named, likeliest first; only what bears the markers is one. */
  defaultRoots(deps: Pick<Deps, "env" | "platform">): readonly DefaultRoot[];
  /** Where old sessions of a home go, as the runtime's documentation says; without it a target must be named. */
  defaultArchive?(root: string): string;
}

export interface Source extends RuntimeMarkers {
  /** What this runtime can do; what it cannot is refused in one place. */
  readonly can: ReadonlySet<Ability>;
  /** Why it cannot do the rest, in words that go on from "a home of RUNTIME: "; a default stands in for what is not here. */
  readonly cannot?: { readonly [ability in Ability]?: string };
  state(home: Home, deps: Deps): HomeState;
  sessions(home: Home, filter: SessionFilter, deps: Deps): AsyncIterable<SessionRecord>;
  /** `event` records in order, as blocks of JSON Lines. */
  events(home: Home, sessionId: string, range: EventRange, deps: Deps): AsyncIterable<Block | AnyRecord>;
  /** Undefined for a session without events. Without it they are all read, and counted. */
  eventTypes?(home: Home, sessionId: string, deps: Deps): Promise<EventTypes | undefined>;
  /**
   * Files and directories in which something of a session lies, also what was moved away by hand. Without it those are the trees of its
   * custody, and the databases of a home that has rows of it.
   */
  sessionPaths?(home: Home, session: SessionRecord, deps: Deps): Promise<readonly string[]>;
  /** Keeps open what is read again for each session; without it `events` is called for each. */
  reader?(home: Home, deps: Deps): Promise<EventsReader>;
  /** Its events as columns; without it they cannot be exported. */
  eventColumns?(home: Home, deps: Deps): Promise<EventColumnsReader>;
  /** Records of a detail kind that `can` names, in order of session, then as they lie. */
  records?(home: Home, kind: DetailKind, query: DetailQuery, deps: Deps): AsyncIterable<Block | AnyRecord>;
  /** What each session used, in order of session. */
  usage?(home: Home, filter: SessionFilter, deps: Deps): AsyncIterable<SessionUsage>;
  /** Each session is a database of its own: who walks over the home's paths has counted them. */
  readonly sessionsAreDatabases?: true;
  /** How its sessions are taken apart and put together. */
  custody?(): Promise<Custody>;
  /** What agh-vacuum asks beyond that. */
  upkeep?(): Promise<Upkeep>;
  /** The file whose flock(2) its daemon holds while it runs; undefined for a runtime without a daemon. */
  daemonLock?(home: Home): string;
  /** A session that has stopped has a ledger: where there is none, something went wrong. */
  readonly writesLedgers?: true;
  /** Its ledgers: AGH's own, or those that the toolkit keeps for a runtime without. */
  ledgers?(): Promise<Ledgers>;
  /**
   * `event` records that may hold all of the terms, of all selected sessions, by an index of the runtime's own or a quicker look; what is
   * given is looked at again, what is left out is not. After an empty block comes what does not follow what came before. Undefined where
   * every event must be read.
   */
  candidates?(home: Home, query: CandidateQuery, deps: Deps): Promise<AsyncIterable<Block> | undefined>;
  /** What is there, and what is written from now on: each event once. Ends by signal or when idle. */
  follow?(home: Home, options: FollowOptions, deps: Deps): AsyncIterable<Block>;
  /**
   * The home's own tree first, then what lies outside; a root that is not there is left out, but for one in which something may be put
   * where `missing` asks for it. With `absent` also those that are to be there and are not, each with the reason.
   */
  roots(
    home: Home,
    deps: Deps,
    options?: { readonly missing?: boolean; readonly absent?: boolean },
  ): Promise<readonly Root[]>;
  /** Paths of a root that the runtime's documentation names one by one. */
  wellKnown(root: string): readonly string[];
  /** `path` is relative to the root, `/`-separated. */
  classify(root: string, path: string, type: PathRecord["type"]): Classification;
  /** Classes that a backup takes by default beside the usual ones. */
  readonly defaultClasses?: readonly string[];
  /** What a backup counts in the database that a path is; undefined where it is none of the runtime's. Pure. */
  counted?(root: string, path: string): CountedTables | undefined;
  /** The session whose directory or ledger a path is; "" for a ledger of the whole home. Pure. */
  sessionPart?(root: string, path: string): SessionPart | undefined;
  /** Notes one moment of a home that is being written to; undefined when nobody has it open. */
  cut?(home: Home, scratch: Scratch, deps: Deps): Promise<HomeCut | undefined>;
  /** Undefined where sessions are rows of a database, whatever files they may have beside. */
  readonly sessionLayout?: SessionLayout;
  /** A catalog that was restored to `dir` by itself gets the rows that the sessions at `root` need. */
  completeCatalog?(root: string, dir: string, deps: Deps): Promise<void>;
  /** What it expects of databases that `classify` names, when they are restored. */
  databaseCheck?(): Promise<DatabaseCheck>;
  /** Why what an earlier snapshot holds may be missing in it: what was retired, purged or deleted by the runtime itself. Of its
   * tombstones only those named count: older ones are of sessions that lived again. */
  lossExplainer?(home: Home, deps: Deps, tombstones: ReadonlySet<string>): Promise<LossExplainer>;
  /** What the runtime's own start would do with the home, nothing of which is touched. */
  boot?(home: Home, deps: Deps): Promise<Boot>;
  /** What is wrong with a home, and what repairs it. */
  repairer?(): Promise<Repairer>;
}
