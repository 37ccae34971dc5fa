// Follows sessions while AGH writes them: each event once, whoever writes and however often it is restarted.
import type { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { joinPath } from "../../files/os-path.ts";
import { identityOf, identityText } from "../../files/identity.ts";
import { readLocks } from "../../files/proc-locks.ts";
import type { Deps } from "../../records/deps.ts";
import { ToolError } from "../../records/error.ts";
import type { Block } from "../../records/record.ts";
import { openForReading } from "../../sqlite/open.ts";
import { walOwners } from "../../sqlite/owner.ts";
import { openPinned } from "../../sqlite/pinned.ts";
import { scratchDir } from "../../files/scratch.ts";
import { looksBroken } from "../../sqlite/trouble.ts";
import type { Following, Home } from "../source.ts";
import { readEvents } from "./databases.ts";
import { EventLines, type Piece } from "./event-lines.ts";
import { historyOf } from "./history.ts";
import { isEmpty } from "./last-event.ts";
import { EVENTS, sessionDir } from "./layout.ts";
import { eventsInLedger } from "./ledger-range.ts";
import { directoryOf } from "./scan.ts";

const POLL_MS = 100;
const MOST_FAILURES = 50;

export async function* follow(
  home: Home,
  { sessionIds, range, idleExit }: Following,
  deps: Deps,
): AsyncGenerator<Block> {
  for (const sessionId of sessionIds) yield* purged(home, sessionId, { range, deps });
  const tails = sessionIds.map((id) => new Tail(home, id, { range, deps }));
  for (let heard = performance.now(); !deps.signal.aborted;) {
    for (const tail of tails) {
      for (let blocks = tail.more(); blocks.length > 0; blocks = tail.more()) {
        heard = performance.now();
        yield* blocks;
      }
    }
    if (idleExit !== undefined && performance.now() - heard >= idleExit) return;
    await sleep(POLL_MS, undefined, { signal: deps.signal }).catch(() => undefined); // the signal ends the loop
  }
}

/** What only the ledger has is there whole, and nothing is added to it. */
async function* purged(home: Home, sessionId: string, { range, deps }: Reads): AsyncGenerator<Block> {
  const dir = directoryOf(home.root, sessionId);
  if (dir === undefined || !hasNone(dir, deps)) return;
  const { ledgerInstead } = await historyOf(home, deps);
  const path = readEvents(dir, deps, (db) => ledgerInstead(db, dir, sessionId));
  if (path !== undefined) yield* eventsInLedger({ path, home: home.place, sessionId }, range);
}

/** False where it cannot be told yet: its writer is about to make it. */
function hasNone(dir: string, deps: Deps): boolean {
  try {
    return isEmpty(dir, deps);
  } catch (error) {
    if (error instanceof ToolError) return false;
    throw error;
  }
}

type Reads = Pick<Following, "range"> & { readonly deps: Deps };

/** One session's file: looked at only when it changed, and never held open while somebody waits for our output. */
class Tail {
  readonly #file: string;
  readonly #home: Home;
  readonly #sessionId: string;
  readonly #reads: Reads;
  #after: bigint;
  #tail: number | undefined;
  #seen = "";
  #failures = 0;

  constructor(home: Home, sessionId: string, reads: Reads) {
    this.#home = home;
    this.#sessionId = sessionId;
    this.#reads = reads;
    this.#file = joinPath(directoryOf(home.root, sessionId) ?? sessionDir(home.root, sessionId), EVENTS);
    this.#after = BigInt(reads.range.afterSequence ?? Number.MIN_SAFE_INTEGER);
    this.#tail = reads.range.tail;
  }

  /** The next page, whole; empty when there is nothing new. */
  more(): Block[] {
    const state = stateOf(this.#file);
    if (state === undefined || state === this.#seen) return [];
    try {
      const blocks = this.#page();
      if (blocks?.length === 0) this.#seen = state;
      this.#failures = 0;
      return blocks ?? [];
    } catch (error) {
      // The writer closed, checkpointed or began anew while we looked: look again.
      if (++this.#failures > MOST_FAILURES || !(error instanceof ToolError || looksBroken(error))) throw error;
      return [];
    }
  }

  /** Undefined when the file changed meanwhile. */
  #page(): Block[] | undefined {
    using scratch = scratchDir(this.#reads.deps.env);
    // A writer's file is joined for the blink of one page: copying it for each new row would cost far more.
    const isOwned = (walOwners(this.#file, readLocks()) ?? []).length > 0;
    if (isOwned) {
      using pinned = openPinned(this.#file, { timeout: 1000 });
      return this.#accept(this.#read(pinned.db));
    }
    using reading = openForReading(this.#file, { scratch, signal: this.#reads.deps.signal });
    const pieces = this.#read(reading.db);
    return reading.unchanged() ? this.#accept(pieces) : undefined;
  }

  #read(db: DatabaseSync): Piece[] {
    const lines = new EventLines(db, { home: this.#home.place, sessionId: this.#sessionId }, this.#reads.range);
    const after = this.#tail === undefined ? this.#after : lines.beforeTail(this.#tail, this.#after);
    return [...lines.page(after)];
  }

  #accept(pieces: readonly Piece[]): Block[] {
    this.#tail = undefined;
    this.#after = pieces.at(-1)?.next ?? this.#after;
    return pieces.map(({ block }) => block);
  }
}

/** What main and WAL are now, in one word; undefined while there is no file. */
function stateOf(file: string): string | undefined {
  const main = identityOf(file);
  const wal = identityOf(`${file}-wal`);
  return main && `${identityText(main)} ${wal ? identityText(wal) : ""}`;
}
