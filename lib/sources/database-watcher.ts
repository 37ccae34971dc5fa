// Follows databases that somebody writes to: each is looked at only when it changed, and never held open in between.
import { setTimeout as sleep } from "node:timers/promises";
import type { DatabaseSync } from "node:sqlite";
import { statIdentity, formatIdentity } from "../files/identity.ts";
import { readLocks } from "../files/proc-locks.ts";
import type { Deps } from "../records/deps.ts";
import { ToolError } from "../records/error.ts";
import type { Block } from "../records/record.ts";
import type { ReadConnection } from "../sqlite/read/open.ts";
import { walPath } from "../sqlite/sidecars.ts";
import { walOwners } from "../sqlite/wal-owners.ts";
import { openReadSnapshot } from "../sqlite/read/read-snapshot.ts";
import { looksBroken } from "../sqlite/errors.ts";
import type { FollowOptions } from "./source.ts";

const POLL_MS = 100;
const MOST_FAILURES = 50;

/** Gives what is new; [] when there is nothing. */
export interface Tail {
  readNext(): Block[];
}

/** What is new in any of them, until the signal, or until nothing came for so long. */
export async function* followTails(
  tails: readonly Tail[],
  { idleExit }: Pick<FollowOptions, "idleExit">,
  { signal }: Pick<Deps, "signal">,
): AsyncGenerator<Block> {
  for (let lastActivity = performance.now(); !signal.aborted;) {
    for (const tail of tails) {
      for (let blocks = tail.readNext(); blocks.length > 0; blocks = tail.readNext()) {
        lastActivity = performance.now();
        yield* blocks;
      }
    }
    if (idleExit !== undefined && performance.now() - lastActivity >= idleExit) return;
    await sleep(POLL_MS, undefined, { signal }).catch(() => undefined); // the signal ends the loop
  }
}

/** A database, and what it was when there was nothing new in it. */
export class DatabaseWatcher {
  readonly #file: string;
  #seen = "";
  #failures = 0;

  constructor(file: string) {
    this.#file = file;
  }

  /** What `read` finds where the file changed since nothing was found; it gives undefined when the file changed meanwhile. */
  readNext(read: () => Block[] | undefined): Block[] {
    const state = stateOf(this.#file);
    if (state === undefined || state === this.#seen) return [];
    try {
      const blocks = read();
      if (blocks?.length === 0) this.#seen = state;
      this.#failures = 0;
      return blocks ?? [];
    } catch (error) {
      // The writer closed, checkpointed or began anew while we looked: look again.
      if (++this.#failures > MOST_FAILURES || !(error instanceof ToolError || looksBroken(error))) throw error;
      return [];
    }
  }

  /** What `read` makes of one state of it; undefined when it changed meanwhile. */
  page<T>(open: () => ReadConnection, read: (db: DatabaseSync) => T): T | undefined {
    // A writer's file is joined for the blink of one page: copying it for each new row would cost far more.
    if ((walOwners(this.#file, readLocks()) ?? []).length > 0) {
      using pinned = openReadSnapshot(this.#file, { timeout: 1000 });
      return read(pinned.db);
    }
    using reading = open();
    const found = read(reading.db);
    return reading.unchanged() ? found : undefined;
  }
}

/** What main and WAL are now, in one word; undefined while there is no file. */
function stateOf(file: string): string | undefined {
  const main = statIdentity(file);
  const wal = statIdentity(walPath(file));
  return main && `${formatIdentity(main)} ${wal ? formatIdentity(wal) : ""}`;
}
