// Custody of sessions that are rows of one database: what is the same for every runtime that keeps them so.
import { statSync } from "node:fs";
import { osPath } from "../files/os-path.ts";
import { decodeRows, encodeLines, type ArchivedRow, type RowsFile } from "../formats/archive/rows.ts";
import type { Deps } from "../records/deps.ts";
import type { SessionRecord } from "../records/runtime-kinds.ts";
import type {
  FoundEvents,
  HomeCustody,
  LocalSession,
  OwnTree,
  RowsState,
  SessionParts,
  SessionRows,
} from "./custody.ts";
import { eventFacts, type Timeline } from "./owned-rows.ts";
import { HomeLinks } from "./links.ts";
import { fingerprintOf, listOwnPaths } from "./own-trees.ts";
import type { Home } from "./home.ts";

/** What the removal of one session's rows takes. */
export type RowWeight = Pick<LocalSession, "rows" | "bytes" | "fingerprint">;

/** What differs between runtimes. Each call reads one state of the database. */
export interface RowAccess {
  reasonAgainst(session: SessionRecord): string | undefined;
  /** All of them stay when the rows go. */
  trees(home: Home, id: string): readonly OwnTree[];
  rows(home: Home, ids: readonly string[], deps: Deps): ReturnType<HomeCustody["rows"]>;
  /** Of those that have a row. */
  weigh(home: Home, ids: readonly string[], deps: Deps): ReadonlyMap<string, RowWeight>;
  readonly timeline: Timeline;
  /** The session that a row is of. */
  ownerOf(row: ArchivedRow): string;
  /** What of rows must be equal for two sessions to be the same: a row's number may have been given to another since. */
  essence?(rows: RowsFile["rows"]): RowsFile["rows"];
}

/** Sessions whose rows are in memory at a time. */
const ROWS_OF = 32;
const NOTHING: RowWeight = { rows: {}, bytes: 0, fingerprint: fingerprintOf([]) };

export class RowCustody implements HomeCustody {
  readonly home: Home;
  readonly #access: RowAccess;
  readonly #deps: Deps;
  readonly #weights = new Map<string, RowWeight>();
  /** Inspected, and not weighed yet. */
  readonly #pending = new Set<string>();
  readonly #links: HomeLinks;
  /** What was read last, so that events are those of the same moment. */
  #last: ReadonlyMap<string, SessionRows> = new Map();

  constructor(home: Home, access: RowAccess, deps: Deps) {
    this.home = home;
    this.#access = access;
    this.#deps = deps;
    this.#links = new HomeLinks(home, deps);
  }

  reasonAgainst(session: SessionRecord): string | undefined {
    return this.#access.reasonAgainst(session);
  }

  inspect(session: SessionRecord): LocalSession | undefined {
    const { id, has } = session;
    const trees = this.trees(id).filter(({ dir }) => isDirectory(dir));
    if (!has.row && trees.length === 0) return undefined;
    if (has.row && !this.#weights.has(id)) this.#pending.add(id);
    const weight = (): RowWeight => (has.row ? this.#weightOf(id) : NOTHING);
    return {
      id,
      session,
      trees,
      ...listOwnPaths(trees, { links: this.#links }),
      partition: null,
      get rows() {
        return weight().rows;
      },
      get bytes() {
        return weight().bytes;
      },
      get fingerprint() {
        return weight().fingerprint;
      },
    };
  }

  #weightOf(id: string): RowWeight {
    if (this.#pending.has(id)) this.#weigh([...this.#pending]);
    return this.#weights.get(id) ?? NOTHING;
  }

  #weigh(ids: readonly string[]): void {
    if (ids.length === 0) return;
    const found = this.#access.weigh(this.home, ids, this.#deps);
    for (const id of ids) {
      this.#weights.set(id, found.get(id) ?? NOTHING);
      this.#pending.delete(id);
    }
  }

  rows(ids: readonly string[]): ReturnType<HomeCustody["rows"]> {
    // A fingerprint is never younger than the rows: what changes in between is noticed.
    this.#weigh(ids.filter((id) => this.#pending.has(id)));
    const read = this.#access.rows(this.home, ids, this.#deps);
    this.#last = read.of;
    return read;
  }

  events({ id }: LocalSession): Promise<FoundEvents> {
    const { lines } = this.#last.get(id) ?? this.rows([id]).of.get(id)!;
    return Promise.resolve(this.#eventsOf(decodeRows(Buffer.from(lines))));
  }

  #eventsOf = (rows: RowsFile): FoundEvents => ({ events: eventFacts(rows, this.#access.timeline) });

  trees(id: string): readonly OwnTree[] {
    return this.#access.trees(this.home, id);
  }

  async compareRows(sessions: readonly SessionParts[]): Promise<readonly RowsState[]> {
    const states: RowsState[] = [];
    for (let at = 0; at < sessions.length; at += ROWS_OF) {
      this.#deps.signal.throwIfAborted();
      const batch = sessions.slice(at, at + ROWS_OF);
      const rows = await Promise.all(batch.map((parts) => parts.rows()));
      const ids = batch.map(({ id }) => id);
      const { of } = this.#access.rows(this.home, ids, this.#deps);
      for (const [index, id] of ids.entries()) states.push(this.#compare(id, rows[index]!, of.get(id)!));
    }
    return states;
  }

  #compare(id: string, { rows }: RowsFile, there: SessionRows): RowsState {
    if (rows.length === 0) return { state: "present" };
    const stranger = rows.find((row) => this.#access.ownerOf(row) !== id);
    if (stranger) {
      const reason = `a row of ${stranger.table} that belongs to another session`;
      return { state: "conflict", code: "E_HOSTILE_ROWS", reason };
    }
    const existing = decodeRows(Buffer.from(there.lines)).rows;
    if (existing.length === 0) return { state: "missing" };
    const text = (of: RowsFile["rows"]): string => encodeLines(this.#access.essence?.(of) ?? of);
    if (text(existing) === text(rows)) return { state: "present" };
    return { state: "conflict", code: "E_EXISTS", reason: `session ${id} in the database` };
  }
}

/** By session; every part has the columns of all tables. */
export function groupRows({ columns, rows }: RowsFile, { ownerOf }: Pick<RowAccess, "ownerOf">): Map<string, RowsFile> {
  const groups = Map.groupBy(rows, ownerOf);
  return new Map([...groups].map(([id, own]) => [id, { columns, rows: own }]));
}

/** What a receipt says of the events among rows that were taken elsewhere. */
export const eventsAmong = async (
  parts: SessionParts,
  { timeline }: Pick<RowAccess, "timeline">,
): Promise<FoundEvents> => ({
  events: eventFacts(await parts.rows(), timeline),
});

const isDirectory = (path: string): boolean =>
  statSync(osPath(path), { throwIfNoEntry: false })?.isDirectory() === true;
