// What a snapshot has lost against an earlier one of its home, and what of it is destroyed by its own shape.
import {
  decodePage,
  decodeSessionLine,
  type DatabaseLine,
  type ListingLine,
  type SessionLine,
} from "../../formats/repository/listing.ts";
import type { Manifest, Suspicion } from "../../formats/repository/manifest.ts";
import type { LossExplainer } from "../../sources/losses.ts";
import type { Source } from "../../sources/source.ts";
import { EMPTY } from "../../sqlite/read/quick-look.ts";
import { destroyed, eventsProblem, evidenceOf, factsOf, placeOf, shrunk, structureProblem } from "./database-losses.ts";
import { Gaps } from "./gaps.ts";
import { LostSessions } from "./lost-sessions.ts";
import { pairLines, type PagedListing } from "./pair-lines.ts";

export type ComparedSnapshot = Pick<Manifest, "roots" | "classes" | "coverage" | "class_files"> & {
  readonly totals: Pick<Manifest["totals"], "sessions">;
  readonly listing: PagedListing;
};

export interface LossSearch {
  readonly source: Pick<Source, "counted" | "sessionPart">;
  /** Without it only what is destroyed by its own shape is found. */
  readonly reference: ComparedSnapshot | undefined;
  readonly snapshot: ComparedSnapshot;
  /** Asked for when something seems lost. The names of the tombstones that are new since the reference are all there when it is asked. */
  readonly explainer: (tombstones: ReadonlySet<string>) => Promise<LossExplainer | undefined>;
}

/** Of each code so many are told one by one. */
const MOST = 100;

/** In the order of the listing, sessions that are missing altogether last; what something explains is left out. */
export async function* findLosses(search: LossSearch): AsyncGenerator<Suspicion> {
  const counts = new Map<string, number>();
  for await (const loss of new LossFinder(search).losses()) {
    const count = (counts.get(loss.code) ?? 0) + 1;
    counts.set(loss.code, count);
    if (count <= MOST) yield loss;
  }
  for (const [code, count] of counts) {
    if (count <= MOST) continue;
    yield { code, message: `${count - MOST} more findings of the same kind`, evidence: { more: count - MOST } };
  }
}

const NOTHING: PagedListing = { refs: [], read: () => Promise.reject(new Error("it has no pages")) };

/** Of these classes all files together may not go without a word: they are made once and kept. */
const KEPT_CLASSES = ["agents", "archive", "extensions", "ledgers", "memory", "skills"];
/** What lies there comes and goes. */
const PASSING_CLASSES: ReadonlySet<string> = new Set(["evidence", "logs", "support-bundles"]);

class LossFinder {
  readonly #search: LossSearch;
  readonly #gaps: Gaps;
  readonly #sessions: LostSessions;
  readonly #lostRoots = new Set<string>();
  readonly #lostLedgers = new Map<string, ListingLine>();
  readonly #newLedgers = new Set<string>();
  readonly #tombstones = new Set<string>();
  /** A session whose directory is new, and whose database has not come yet. */
  #awaited: { readonly id: string; readonly line: ListingLine } | undefined;
  #explainer: Promise<LossExplainer | undefined> | undefined;

  constructor(search: LossSearch) {
    this.#search = search;
    this.#gaps = new Gaps(search.snapshot.coverage);
    this.#sessions = new LostSessions(search.reference?.totals.sessions ?? 0);
  }

  #explain(): Promise<LossExplainer | undefined> {
    return (this.#explainer ??= this.#search.explainer(this.#tombstones));
  }

  async *losses(): AsyncGenerator<Suspicion> {
    const { reference, snapshot } = this.#search;
    yield* this.#findLostRoots();
    for await (const [before, after] of pairLines(reference?.listing ?? NOTHING, snapshot.listing)) {
      if (before && !after) yield* this.#compareMissing(before);
      else if (after) yield* this.#comparePresent(before, after);
    }
    yield* this.#checkAwaited(undefined);
    yield* this.#findLostLedgers();
    yield* this.#findLostClasses();
    yield* this.#sessions.unexplained(() => this.#explain());
  }

  async *#findLostRoots(): AsyncGenerator<Suspicion> {
    const { reference, snapshot } = this.#search;
    for (const { name, dir } of reference?.roots ?? []) {
      if (snapshot.roots.some((root) => root.name === name)) continue;
      this.#lostRoots.add(name);
      if (this.#gaps.covers(name, "") || (await this.#explain())?.root?.(name) !== undefined) continue;
      yield { code: "ROOT_LOST", path: name, message: `${name} (${dir}) does not exist any more`, evidence: { dir } };
    }
  }

  async *#compareMissing(before: ListingLine): AsyncGenerator<Suspicion> {
    const { root, path, type, class: of, database } = before;
    if (this.#lostRoots.has(root) || this.#gaps.covers(root, path)) return;
    if (!this.#search.snapshot.classes.includes(of)) return;
    const part = this.#search.source.sessionPart?.(root, path);
    if (type === "directory") {
      if (part?.is === "directory") this.#sessions.addDirectory(part.session, placeOf(before));
      return;
    }
    if (part?.is === "ledger") return void this.#lostLedgers.set(part.session, before);
    const session = this.#sessionAbove(root, path);
    if (session !== undefined && this.#sessions.hasDirectory(session)) {
      if (database) this.#sessions.addFacts(session, factsOf(database));
      return;
    }
    if (database && database.damaged === undefined && !PASSING_CLASSES.has(of)) {
      yield destroyed(session, before, "does not exist any more", evidenceOf(database));
    } else if (session !== undefined && this.#isHistory(root, path)) {
      yield shrunk(session, before, "does not exist any more", {});
    }
  }

  async *#comparePresent(before: ListingLine | undefined, after: ListingLine): AsyncGenerator<Suspicion> {
    const { root, path, type } = after;
    const part = this.#search.source.sessionPart?.(root, path);
    if (this.#awaited && !isBelow(path, this.#awaited.line.path)) yield* this.#checkAwaited(after);
    if (!before && part?.is === "directory" && type === "directory") this.#awaited = { id: part.session, line: after };
    if (part?.is === "tombstone") {
      if (before?.sha256 !== after.sha256) this.#tombstones.add(part.session);
    } else if (!before && type === "directory" && this.#search.source.counted?.(root, path))
      yield destroyed(this.#sessionAbove(root, path), after, "is a directory", {});
    else if (before && before.type !== type) yield* this.#compareMissing(before);
    else if (part?.is === "ledger") yield* this.#compareLedger(before, after, part.session);
    else if (after.database) yield* this.#compareDatabase(before, after, after.database);
    else if (before?.database && before.database.damaged === undefined)
      yield destroyed(this.#sessionAbove(root, path), after, "is not an SQLite database", evidenceOf(before.database));
    else if (isShorter(before, after) && (after.size === 0 || HISTORY.test(path)) && this.#isHistory(root, path)) {
      const evidence = { before: before!.size, after: after.size };
      const message = `has ${after.size} bytes; it had ${before!.size}`;
      yield shrunk(this.#sessionAbove(root, path)!, after, message, evidence);
    }
  }

  async *#compareDatabase(
    before: ListingLine | undefined,
    after: ListingLine,
    database: DatabaseLine,
  ): AsyncGenerator<Suspicion> {
    const { root, path } = after;
    const session = this.#sessionAbove(root, path);
    if (session !== undefined && this.#awaited?.id === session) this.#awaited = undefined;
    const then = before?.database;
    if (database.damaged !== undefined) {
      if (then?.damaged !== undefined || (await this.#isUnused(database, then, session))) return;
      return yield destroyed(session, after, database.damaged, evidenceOf(then));
    }
    if (database.tables === undefined) return; // no look was taken at it
    const problem =
      then && then.damaged === undefined && structureProblem(then, database, this.#search.source.counted?.(root, path));
    if (problem && !(session !== undefined && (await this.#eventsExplained(session, then)))) {
      return yield destroyed(session, after, problem, evidenceOf(then));
    }
    if (session !== undefined) yield* this.#compareEvents(session, after, database, then);
    else if (then) yield* this.#compareRows(after, database, then);
    if (then?.sessions) yield* this.#compareSessions(after, then.sessions.chunks, database.sessions?.chunks ?? []);
  }

  /** A file that SQLite made for what was never written. */
  async #isUnused(
    { damaged }: DatabaseLine,
    then: DatabaseLine | undefined,
    session: string | undefined,
  ): Promise<boolean> {
    if (damaged !== EMPTY || session === undefined) return false;
    if (then && (then.last_sequence ?? 0) > 0) return false;
    return (await this.#explain())?.evidence?.(session) === undefined;
  }

  async #eventsExplained(session: string, then: DatabaseLine | undefined): Promise<boolean> {
    const was = { id: session, ...(then && factsOf(then)) };
    return (await (await this.#explain())?.events(session, was)) !== undefined;
  }

  async *#compareEvents(
    session: string,
    after: ListingLine,
    database: DatabaseLine,
    then: DatabaseLine | undefined,
  ): AsyncGenerator<Suspicion> {
    const problem = eventsProblem(database, then);
    if (problem === undefined || (await this.#eventsExplained(session, then ?? database))) return;
    yield shrunk(session, after, problem, { before: evidenceOf(then), after: evidenceOf(database) });
  }

  /** Of a database without sessions: none of its rows may go. */
  async *#compareRows(
    after: ListingLine,
    { rows = {}, sessions }: DatabaseLine,
    then: DatabaseLine,
  ): AsyncGenerator<Suspicion> {
    if (sessions || then.sessions) return;
    for (const [table, before] of Object.entries(then.rows ?? {})) {
      const now = rows[table] ?? 0;
      if (now >= before) continue;
      const message = `${placeOf(after)} has ${now} rows in table ${table}; it had ${before}`;
      yield { code: "DATABASE_SHRUNK", path: placeOf(after), message, evidence: { table, before, after: now } };
    }
  }

  async *#compareSessions(
    line: ListingLine,
    then: readonly string[],
    now: readonly string[],
  ): AsyncGenerator<Suspicion> {
    const { reference, snapshot } = this.#search;
    const [mine, theirs] = [reference!.listing, snapshot.listing].map((listing, at) =>
      sessionLines(listing, [then, now][at]!),
    );
    const present = new Map<string, SessionLine>();
    for await (const session of theirs!) present.set(session.id, session);
    for await (const before of mine!) {
      const after = present.get(before.id);
      if (before.orphan) continue;
      if (!after || after.orphan) this.#sessions.addRows(before, placeOf(line), after !== undefined);
      else if ((after.events ?? 0) < (before.events ?? 0)) yield* this.#compareSessionRows(line, before, after);
    }
  }

  async *#compareSessionRows(line: ListingLine, before: SessionLine, after: SessionLine): AsyncGenerator<Suspicion> {
    const { id, events, at } = before;
    if ((await (await this.#explain())?.events(id, { id, events, at })) !== undefined) return;
    const message = `has ${after.events} events of session ${id}; it had ${events}`;
    yield shrunk(id, line, message, { before: { events }, after: { events: after.events } });
  }

  async *#compareLedger(
    before: ListingLine | undefined,
    after: ListingLine,
    session: string,
  ): AsyncGenerator<Suspicion> {
    if (!before) this.#newLedgers.add(session);
    if (!isShorter(before, after)) return;
    const place = placeOf(after);
    const message = `${place} has ${after.size} bytes; it had ${before!.size}`;
    const evidence = { before: before!.size, after: after.size };
    yield { code: "LEDGER_SHRUNK", ...(session && { id: session }), path: place, message, evidence };
  }

  async *#findLostLedgers(): AsyncGenerator<Suspicion> {
    for (const [session, line] of this.#lostLedgers) {
      if (this.#newLedgers.has(session)) continue; // it lies elsewhere
      if (session && (await (await this.#explain())?.ledger(session)) !== undefined) continue;
      const path = placeOf(line);
      const message = `${path} does not exist any more`;
      yield { code: "LEDGER_LOST", ...(session && { id: session }), path, message, evidence: { bytes: line.size } };
    }
  }

  *#findLostClasses(): Generator<Suspicion> {
    const { reference, snapshot } = this.#search;
    if (!reference?.class_files || !snapshot.class_files) return;
    for (const name of KEPT_CLASSES) {
      const [before, now] = [reference.class_files[name] ?? 0, snapshot.class_files[name] ?? 0];
      if (now > 0 || before < 2 || !snapshot.classes.includes(name) || this.#gaps.hasMissing(name)) continue;
      if (name === "ledgers" && this.#lostLedgers.size > 0) continue; // each is told
      const message = `none of the ${before} files of class ${name} is left`;
      yield { code: "CLASS_LOST", message, evidence: { class: name, before } };
    }
  }

  /** The directory of a session that was never seen before has no database: something may say that it had one. */
  async *#checkAwaited(next: ListingLine | undefined): AsyncGenerator<Suspicion> {
    const awaited = this.#awaited;
    this.#awaited = undefined;
    if (!awaited || next?.database?.damaged !== undefined) return;
    const { id, line } = awaited;
    const { root, path } = line;
    const file = `${path}/${EVENTS_FILE}`;
    if (!this.#search.source.counted?.(root, file) || this.#gaps.covers(root, file)) return;
    const reason = (await this.#explain())?.evidence?.(id);
    if (reason === undefined) return;
    yield destroyed(id, { root, path: file }, "does not exist", { because: reason });
  }

  #isHistory(root: string, path: string): boolean {
    if (!HISTORY.test(path) && !META.test(path)) return false;
    const dir = path.slice(0, path.lastIndexOf("/"));
    return this.#search.source.sessionPart?.(root, dir)?.is === "directory";
  }

  /** The session in whose directory a path lies. */
  #sessionAbove(root: string, path: string): string | undefined {
    for (let at = path.lastIndexOf("/"); at > 0; at = path.lastIndexOf("/", at - 1)) {
      const part = this.#search.source.sessionPart?.(root, path.slice(0, at));
      if (part?.is === "directory") return part.session;
    }
    return undefined;
  }
}

const EVENTS_FILE = "events.db";

/** Of what lies right in a session's directory: its history, and that without which it is none. */
const HISTORY = /\/[^/]+\.jsonl$/;
const META = /\/meta\.json$/;

const isBelow = (path: string, dir: string): boolean => path === dir || path.startsWith(`${dir}/`);

const isShorter = (before: ListingLine | undefined, after: ListingLine): boolean =>
  before?.type === "file" && after.type === "file" && (after.size ?? 0) < (before.size ?? 0);

async function* sessionLines(listing: PagedListing, chunks: readonly string[]): AsyncGenerator<SessionLine> {
  for (const chunk of chunks) {
    for (const line of decodePage(await listing.read(chunk))) yield decodeSessionLine(line);
  }
}
