// A home, opened: what a program reads of it, checks, repairs and seals.
import { version } from "../cli/manifest.ts";
import type { Place } from "../places/open-with-capability.ts";
import { openPlace, type OpenPlace } from "../places/place.ts";
import type { Deps } from "../records/deps.ts";
import { records, type AnyRecord, type Block } from "../records/record.ts";
import type { Action, Boot, Finding } from "../records/result-kinds.ts";
import type {
  EventRecord,
  HomeRecord,
  MatchRecord,
  PathRecord,
  SessionRecord,
  UsageRecord,
} from "../records/runtime-kinds.ts";
import type { LedgerRecord, RunRecord, SealRecord } from "../records/toolkit-kinds.ts";
import type { DetailKind, DetailQuery, SessionFilter } from "../sources/source.ts";
import type {
  ChangeOptions,
  HomeCheck,
  EventsOptions,
  LedgerOptions,
  OpenHomeOptions,
  HomePlan,
  SealOptions,
  SearchOptions,
  UndoOptions,
  UsageOptions,
  VerifyLedgersOptions,
} from "./home-options.ts";
import { sealLedgers, verifyLedgers, writeLedgers } from "./ledgers.ts";
import { beginCall, iterate, type LibraryOptions } from "./options.ts";
import { act, check, type Outcome } from "./outcome.ts";

export const LOCK_TIMEOUT_MS = 10_000;

/** Opens a directory, `backup:REPO@ID` or `archive:TARGET`; AGH_HOME, else ~/.agh unless one is given. */
export async function openHome(place?: string, options: OpenHomeOptions = {}): Promise<OpenHome> {
  const { runtime, homeId } = options;
  const { deps } = beginCall(options);
  return new OpenHome(await openPlace(place, { runtime, homeId }, deps), options);
}

/** Disposing removes the copy that a snapshot or an archive was unpacked into. */
export class OpenHome implements Disposable {
  readonly #opened: OpenPlace;
  readonly #options: LibraryOptions;

  constructor(opened: OpenPlace, options: LibraryOptions) {
    this.#opened = opened;
    this.#options = options;
  }

  /** The word that names it: `home` of every record. */
  get place(): string {
    return this.#opened.home.place;
  }

  /** The directory that is read; of a snapshot or an archive a private copy. */
  get root(): string {
    return this.#opened.home.root;
  }

  get id(): string {
    return this.#opened.home.id;
  }

  get runtime(): string {
    return this.#opened.home.runtime;
  }

  sessions(filter: SessionFilter = {}, options: LibraryOptions = {}): AsyncIterable<SessionRecord> {
    return this.#iterate(
      async (deps) => (await import("../inspect/sessions.ts")).listSessions(this.#place, filter, deps),
      options,
    );
  }

  /** `event` records, parsed. */
  events(options: EventsOptions = {}): AsyncIterable<EventRecord> {
    return records(this.eventBlocks(options)) as AsyncIterable<unknown> as AsyncIterable<EventRecord>;
  }

  /** The same as JSON Lines: quicker, and every number as it was written. */
  eventBlocks(options: EventsOptions = {}): AsyncIterable<Block> {
    const { sessions = {}, merge = false, follow, types, turns, afterSequence, tail } = options;
    const range = {
      ...(types && { types }),
      ...(turns && { turns }),
      ...(afterSequence !== undefined && { afterSequence }),
      ...(tail !== undefined && { tail }),
    };
    const query = { sessions, range, merge, ...(follow && { follow: { idleExit: follow.idleExit } }) };
    return this.#iterate(
      async (deps) => (await import("../inspect/events.ts")).listEvents(this.#place, query, deps),
      options,
    );
  }

  /** `match` records, the best first. */
  search(query: string, options: SearchOptions = {}): AsyncIterable<MatchRecord> {
    const { sessions = {}, regex = false, types = [], fields = [], limit } = options;
    return this.#iterate(async (deps) => {
      const { search, compileQuery } = await import("../inspect/search/search.ts");
      const request = { query, regex, sessions, types, fields, limit };
      return search(this.#place, request, compileQuery(request), deps);
    }, options);
  }

  usage(options: UsageOptions = {}): AsyncIterable<UsageRecord> {
    const { sessions = {}, by = [], zone = "UTC", rollup = false, limit } = options;
    return this.#iterate(async (deps) => {
      const { usage } = await import("../inspect/usage/usage.ts");
      return records(usage(this.#place, { sessions, by, zone, rollup, limit }, deps)) as AsyncIterable<unknown>;
    }, options) as AsyncIterable<UsageRecord>;
  }

  /** Records of one kind, such as `turn` or `tool`; a kind that the runtime does not have is refused (4). */
  details(kind: DetailKind, query: DetailQuery = {}, options: LibraryOptions = {}): AsyncIterable<AnyRecord> {
    return this.#iterate(async (deps) => {
      const { listDetails } = await import("../inspect/details.ts");
      return records(listDetails(this.#place, kind, query, deps));
    }, options);
  }

  /** Every path that belongs to the home, and what a backup makes of it. */
  paths(options: LibraryOptions = {}): AsyncIterable<PathRecord> {
    return this.#iterate(async (deps) => (await import("../inspect/paths.ts")).listPaths(this.#place, deps), options);
  }

  /** How the home is as a whole. */
  async overview(options: LibraryOptions = {}): Promise<HomeRecord> {
    const { overview } = await import("../inspect/overview.ts");
    let found: HomeRecord | undefined;
    for await (const record of this.#iterate(async (deps) => overview(this.#place, deps), options)) found = record;
    return found!;
  }

  /** What is wrong, or worth knowing. Nothing is touched. */
  check(options: HomeCheck = {}): Promise<Outcome<Finding>> {
    const { failOn = "warn" } = options;
    return check(
      async (deps) => {
        const { checkHome } = await import("../reconcile/check.ts");
        return checkHome({ place: this.#place, ...(await findingSelectors(options)), failOn }, deps);
      },
      this.#options,
      options,
    );
  }

  /** The actions that would repair it, each with what it loses. Nothing is touched. */
  plan(options: HomePlan = {}): Promise<Outcome<Action | Finding>> {
    const { prefer, repository } = options;
    return check(
      async (deps) => {
        const { planHome } = await import("../reconcile/apply.ts");
        const repo = repository ?? (deps.env["AGH_BACKUP_REPO"]?.trim() || undefined);
        const selectors = await findingSelectors(options);
        const whole = { place: this.#place, ...selectors, prefer, repo, toolkit: version };
        return planHome({ ...whole, apply: false, lockTimeoutMs: 0 }, deps);
      },
      this.#options,
      options,
    );
  }

  /** Does exactly the planned actions that are given and that still hold. */
  apply(actions: readonly Action[], options: ChangeOptions = {}): Promise<Outcome<Action | Finding>> {
    const { dryRun = false, lockTimeoutMs = LOCK_TIMEOUT_MS } = options;
    return act(
      async (deps) => {
        const { applyPlan } = await import("../reconcile/apply.ts");
        return applyPlan({ place: this.#place, records: actions, toolkit: version, dryRun, lockTimeoutMs }, deps);
      },
      this.#options,
      options,
    );
  }

  /** Takes a run back, byte for byte: `run` of the summary of what changed the home. */
  undo(run: string, options: UndoOptions = {}): Promise<Outcome<Action>> {
    const { abandon = false, dryRun = false, lockTimeoutMs = LOCK_TIMEOUT_MS } = options;
    return act(
      async (deps) => {
        const { undoHomeRun } = await import("../reconcile/undo.ts");
        return undoHomeRun({ place: this.#place, run, abandon, apply: !dryRun, lockTimeoutMs }, deps);
      },
      this.#options,
      options,
    );
  }

  /** Runs that were killed while they changed the home, the newest first. */
  unfinished(options: LibraryOptions = {}): AsyncIterable<RunRecord> {
    return this.#iterate(async (deps) => {
      const { listUnfinished } = await import("../reconcile/unfinished.ts");
      return listUnfinished(this.#place, deps);
    }, options);
  }

  /** What the runtime's own start would do with the home. Nothing is touched. */
  boot(options: LibraryOptions = {}): Promise<Outcome<Boot>> {
    return check(
      async (deps) => (await import("../reconcile/boot.ts")).bootHome(this.#place, deps),
      this.#options,
      options,
    );
  }

  /** Materialises ledgers as the runtime does; those that are there stay. */
  writeLedgers(options: LedgerOptions = {}): Promise<Outcome<LedgerRecord | Finding>> {
    return act((deps) => writeLedgers(this.#place, options, deps), this.#options, options);
  }

  /** Puts a seal beside each ledger, signed where a key is given. */
  sealLedgers(options: SealOptions = {}): Promise<Outcome<SealRecord | Finding>> {
    return act((deps) => sealLedgers(this.#place, options, deps), this.#options, options);
  }

  /** Whether ledgers are what was sealed, and who vouches for it. */
  verifyLedgers(options: VerifyLedgersOptions = {}): Promise<Outcome<SealRecord | Finding>> {
    return check((deps) => verifyLedgers(this.#place, options, deps), this.#options, options);
  }

  [Symbol.dispose](): void {
    this.#opened[Symbol.dispose]();
  }

  /** As every tool takes it: opened. */
  get #place(): Place {
    return { home: this.#opened.home.place, opened: this.#opened };
  }

  /** For the other rooms of the library. */
  static placeOf(home: OpenHome): Place {
    return home.#place;
  }

  #iterate<T>(items: (deps: Deps) => Promise<AsyncIterable<T>>, options: LibraryOptions): AsyncIterable<T> {
    return iterate(items, this.#options, options);
  }
}

async function findingSelectors({ level = "full", codes = [], sessions = [] }: Omit<HomeCheck, "failOn">) {
  const { findCodes } = await import("../reconcile/rules.ts");
  return { level, codes: await findCodes(codes), sessions };
}
