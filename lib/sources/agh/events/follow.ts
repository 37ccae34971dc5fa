// Follows sessions while AGH writes them: each event once, whoever writes and however often it is restarted.
import type { DatabaseSync } from "node:sqlite";
import { joinPath } from "../../../files/os-path.ts";
import type { Deps } from "../../../records/deps.ts";
import { ToolError } from "../../../records/error.ts";
import type { Block } from "../../../records/record.ts";
import { openForReading } from "../../../sqlite/read/open.ts";
import { scratchDir } from "../../../files/scratch.ts";
import type { FollowOptions, Home } from "../../source.ts";
import { followTails, DatabaseWatcher, type Tail } from "../../database-watcher.ts";
import { readEvents } from "../home/databases.ts";
import { EventLines, type EventPiece } from "./event-lines.ts";
import { loadHistory } from "./history.ts";
import { isEmpty } from "./last-event.ts";
import { EVENTS, sessionDir } from "../home/layout.ts";
import { eventsInLedger } from "../ledger/event-range.ts";
import { findSessionDir } from "../sessions/scan.ts";

export async function* follow(home: Home, following: FollowOptions, deps: Deps): AsyncGenerator<Block> {
  const { sessionIds, range } = following;
  for (const sessionId of sessionIds) yield* purgedEvents(home, sessionId, { range, deps });
  const tails = sessionIds.map((id) => new SessionTail(home, id, { range, deps }));
  yield* followTails(tails, following, deps);
}

/** What only the ledger has is there whole, and nothing is added to it. */
async function* purgedEvents(home: Home, sessionId: string, { range, deps }: Reads): AsyncGenerator<Block> {
  const dir = findSessionDir(home.root, sessionId);
  if (dir === undefined || !hasNoEvents(dir, deps)) return;
  const { ledgerInstead } = await loadHistory(home, deps);
  const path = readEvents(dir, deps, (db) => ledgerInstead(db, dir, sessionId));
  if (path !== undefined) yield* eventsInLedger({ path, home: home.place, sessionId }, range);
}

/** False where it cannot be told yet: its writer is about to make it. */
function hasNoEvents(dir: string, deps: Deps): boolean {
  try {
    return isEmpty(dir, deps);
  } catch (error) {
    if (error instanceof ToolError) return false;
    throw error;
  }
}

type Reads = Pick<FollowOptions, "range"> & { readonly deps: Deps };

class SessionTail implements Tail {
  readonly #file: string;
  readonly #home: Home;
  readonly #sessionId: string;
  readonly #reads: Reads;
  readonly #watched: DatabaseWatcher;
  #after: bigint;
  #tail: number | undefined;

  constructor(home: Home, sessionId: string, reads: Reads) {
    this.#home = home;
    this.#sessionId = sessionId;
    this.#reads = reads;
    this.#file = joinPath(findSessionDir(home.root, sessionId) ?? sessionDir(home.root, sessionId), EVENTS);
    this.#watched = new DatabaseWatcher(this.#file);
    this.#after = BigInt(reads.range.afterSequence ?? Number.MIN_SAFE_INTEGER);
    this.#tail = reads.range.tail;
  }

  /** The next page, whole. */
  readNext(): Block[] {
    return this.#watched.readNext(() => {
      const { env, signal } = this.#reads.deps;
      using scratch = scratchDir(env);
      const pieces = this.#watched.page(
        () => openForReading(this.#file, { scratch, signal }),
        (db) => this.#read(db),
      );
      return pieces && this.#accept(pieces);
    });
  }

  #read(db: DatabaseSync): EventPiece[] {
    const lines = new EventLines(db, { home: this.#home.place, sessionId: this.#sessionId }, this.#reads.range);
    const after = this.#tail === undefined ? this.#after : lines.beforeTail(this.#tail, this.#after);
    return [...lines.page(after)];
  }

  #accept(pieces: readonly EventPiece[]): Block[] {
    this.#tail = undefined;
    this.#after = pieces.at(-1)?.next ?? this.#after;
    return pieces.map(({ block }) => block);
  }
}
