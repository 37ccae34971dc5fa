// What the functions of an opened home take.
import type { Trust } from "../ledger/verify.ts";
import type { PlaceOptions } from "../places/detect-source.ts";
import type { SearchField } from "../policy/search-field.ts";
import type { UsageKey } from "../policy/usage-key.ts";
import type { Level } from "../sources/repair.ts";
import type { EventRange, SessionFilter } from "../sources/source.ts";
import type { LibraryOptions } from "./options.ts";

/** How a place is opened: `runtime` where it is not to be detected, `homeId` to name it otherwise. */
export type OpenHomeOptions = LibraryOptions & Pick<PlaceOptions, "runtime" | "homeId">;

export interface EventsOptions extends EventRange, LibraryOptions {
  /** Whose; every session's unless given. */
  readonly sessions?: SessionFilter;
  /** Merged by time instead of session by session. */
  readonly merge?: boolean;
  /** Goes on with what is written from now on, until nothing came for so many milliseconds. */
  readonly follow?: { readonly idleExit?: number };
}

export interface SearchOptions extends LibraryOptions {
  readonly sessions?: SessionFilter;
  /** The query is a JavaScript pattern. */
  readonly regex?: boolean;
  readonly types?: readonly string[];
  readonly fields?: readonly SearchField[];
  /** The best N. */
  readonly limit?: number;
}

export interface UsageOptions extends LibraryOptions {
  readonly sessions?: SessionFilter;
  /** What is added up; by session unless given. */
  readonly by?: readonly UsageKey[];
  /** IANA name of the zone whose days count; UTC unless given. */
  readonly zone?: string;
  /** Totals at the end, one record a currency. */
  readonly rollup?: boolean;
  readonly limit?: number;
}

export interface HomeCheck extends LibraryOptions {
  readonly level?: Level;
  readonly codes?: readonly string[];
  /** Ids or unique prefixes. */
  readonly sessions?: readonly string[];
  /** The least severity that makes `exit` 1; `warn` unless given. */
  readonly failOn?: "info" | "warn" | "error" | "never";
}

export interface HomePlan extends Omit<HomeCheck, "failOn"> {
  /** How a broken database is replaced, where both are possible. */
  readonly prefer?: "restore" | "salvage";
  /** A backup repository; AGH_BACKUP_REPO unless given. */
  readonly repository?: string;
}

export interface ChangeOptions extends LibraryOptions {
  /** Only says what would be done. */
  readonly dryRun?: boolean;
  /** How long another run of the toolkit is waited for; 10,000 unless given. */
  readonly lockTimeoutMs?: number;
}

export interface UndoOptions extends ChangeOptions {
  /** What cannot be taken back of a killed run stays, and what is left of the run goes to the trash. */
  readonly abandon?: boolean;
}

export interface LedgerOptions extends LibraryOptions {
  readonly sessions?: SessionFilter;
  readonly dryRun?: boolean;
}

export interface SealOptions extends LedgerOptions {
  /** The file of a private key of agh-ledger. */
  readonly key?: string;
}

export interface VerifyLedgersOptions extends LibraryOptions {
  readonly sessions?: SessionFilter;
  /** Files of public keys. */
  readonly publicKeys?: readonly string[];
  /** The file of a checkpoint. */
  readonly anchor?: string;
  /** The least trust that is enough: `signed` with public keys, else `self`. */
  readonly requireTrust?: Trust;
}
