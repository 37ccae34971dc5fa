// What every finding about an AGH home has: how bad it is, how it arises, what to make of it, and what mends it.
import type { Deps } from "../../records/deps.ts";
import type * as Of from "../reconciling.ts";
import { LEVELS, type Level } from "../reconciling.ts";
import type { Home } from "../source.ts";
import type { BootCatalog } from "./boot-catalog.ts";
import type { Daemon } from "./liveness.ts";
import type { SessionRow } from "./catalog.ts";
import type { SessionDir } from "./scan.ts";
import type { Stores } from "./stores.ts";

/** How much is read: no events.db, every database once, every database and all that it refers to. */
export { LEVELS, type Level };

/** What a plan can do; each is undone by its journal. */
export const VERBS = [
  "put-back",
  "restore",
  "salvage",
  "add-workspace",
  "rebuild-meta",
  "classify",
  "stale-process",
  "recompute-totals",
  "trash",
  "chmod",
] as const;
export type Verb = (typeof VERBS)[number];

/** The level is the check's. */
export type Rule = Omit<Of.Rule<Verb>, "level">;
export type Mending = Of.Mending<Verb>;
export type Found = Of.Found<Verb>;

/** Some findings, and the code that finds them. */
export interface Check {
  readonly rules: { readonly [code: string]: Rule };
  readonly level: Level;
  find(look: Look): Iterable<Found> | AsyncIterable<Found>;
}

/** One session as every store has it. */
export interface Known {
  readonly id: string;
  readonly dir?: SessionDir | undefined;
  readonly row?: SessionRow | undefined;
  /** Names in its directory, sorted. */
  readonly names: readonly string[];
  /** Bytes of events.db and its WAL; undefined where there is no file. */
  readonly events: number | undefined;
  /** The ledger file, where there is one. */
  readonly ledger?: string | undefined;
  readonly archive?: string | undefined;
  readonly tombstone: boolean;
}

/** A home, read once for all checks. */
export interface Look {
  readonly home: Home;
  readonly deps: Deps;
  readonly level: Level;
  readonly stores: Stores;
  /** Where the agh.db lies that was read: the home, unless it is to be replaced. */
  readonly catalogRoot: string;
  readonly catalog: BootCatalog;
  readonly daemon: Daemon;
  readonly sessions: readonly Known[];
  /** Directories whose id another one has already. */
  readonly twice: readonly SessionDir[];
  /** Rows that tell of an earlier time are AGH's to delete; undefined when it keeps all. */
  readonly sweepBefore: string | undefined;
}
