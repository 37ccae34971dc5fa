// Follows sessions while agsh writes them: each event once, as soon as its message is committed.
import { setTimeout as sleep } from "node:timers/promises";
import { statIdentity, formatIdentity } from "../../../files/identity.ts";
import type { Deps } from "../../../records/deps.ts";
import { EXIT, ToolError } from "../../../records/error.ts";
import { Block } from "../../../records/record.ts";
import type { EventRange, FollowOptions, Home } from "../../source.ts";
import { cachedDatabase, type CachedDatabase } from "../catalog/database.ts";
import { eventLine } from "./event-line.ts";
import { isInRange, readUnchangedPage } from "./events.ts";
import { databaseFile } from "../home/layout.ts";
import { MessageTimeline } from "./messages.ts";
import { walPath } from "../../../sqlite/sidecars.ts";

const POLL_MS = 100;

export async function* follow(
  home: Home,
  { sessionIds, range, idleExit }: FollowOptions,
  deps: Deps,
): AsyncGenerator<Block> {
  const file = databaseFile(home.root);
  const tails = sessionIds.map((id) => new Tail(home, id, range));
  let [seen, isAll] = ["", true];
  for (let lastActivity = performance.now(); !deps.signal.aborted;) {
    // Asked before it is read: what comes meanwhile changes it again.
    const now = stateOf(file);
    if (now !== seen) {
      const { blocks, ...how } = read(file, tails, home, deps);
      isAll = how.isAll;
      if (isAll) seen = now;
      // While somebody writes it is not known that nothing comes.
      if (blocks.length > 0 || !isAll) lastActivity = performance.now();
      yield* blocks;
    }
    if (isAll && idleExit !== undefined && performance.now() - lastActivity >= idleExit) return;
    await sleep(POLL_MS, undefined, { signal: deps.signal }).catch(() => undefined); // the signal ends the loop
  }
}

const stateOf = (file: string): string =>
  [file, walPath(file)]
    .map((path) => statIdentity(path))
    .map((found) => (found ? formatIdentity(found) : "-"))
    .join(" ");

/** Not all where a writer was in the way: the next look goes on from here. */
function read(file: string, tails: readonly Tail[], home: Home, deps: Deps): { blocks: Block[]; isAll: boolean } {
  using cached = cachedDatabase(home.root, deps);
  const blocks: Block[] = [];
  try {
    for (const tail of tails) {
      const block = tail.more(file, cached);
      if (block === undefined) return { blocks, isAll: false };
      if (block.count > 0) blocks.push(block);
    }
    return { blocks, isAll: true };
  } catch (error) {
    if (error instanceof ToolError && error.exit === EXIT.busy) return { blocks, isAll: false };
    throw error;
  }
}

class Tail {
  readonly #home: Home;
  readonly #id: string;
  readonly #range: EventRange;
  readonly #timeline: MessageTimeline;
  #isFirst = true;

  constructor(home: Home, id: string, range: EventRange) {
    this.#home = home;
    this.#id = id;
    this.#range = range;
    this.#timeline = new MessageTimeline(id);
  }

  /** What has come since; of what was there at first only the requested tail. */
  more(file: string, cached: CachedDatabase): Block | undefined {
    const lines: string[] = [];
    const back = this.#timeline.mark();
    for (let isEnd = false; !isEnd;) {
      const page = readUnchangedPage(file, this.#timeline, cached.get());
      if (!page) {
        back();
        return undefined;
      }
      for (const event of page.events.flat()) {
        if (isInRange(event, this.#range)) lines.push(eventLine(this.#home, this.#id, event));
      }
      isEnd = page.isEnd;
    }
    const shown = this.#isFirst && this.#range.tail !== undefined ? lines.slice(-this.#range.tail) : lines;
    this.#isFirst = false;
    return new Block(Buffer.from(shown.join("")), shown.length);
  }
}
