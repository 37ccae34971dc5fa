// Events that a search may find, in one pass over the table: AGDD's index has only the messages, and may be unsound.
import type { Deps } from "../../../records/deps.ts";
import type { Block } from "../../../records/record.ts";
import { busy, toDatabaseError } from "../../../sqlite/errors.ts";
import { findSelectedIds } from "../../selection.ts";
import type { Home, CandidateQuery } from "../../source.ts";
import { openStorage, readShaped, STORAGE_SHAPE } from "../catalog/databases.ts";
import { assertThere, storageOf, type Storage } from "../home/layout.ts";
import { legacyEvents } from "./legacy-events.ts";
import { legacyIds } from "../sessions/legacy-runs.ts";
import { Scan } from "./scan.ts";
import { sessions } from "../sessions/sessions.ts";

const MOST_CHANGES = 1000;

/** `event` records of the selected runs, all that can hold the terms (without terms all), in order of writing. */
export async function candidates(home: Home, query: CandidateQuery, deps: Deps): Promise<AsyncGenerator<Block>> {
  const storage = storageOf(home, deps);
  assertThere(home, storage, legacyIds(home.root).length);
  const only = await findSelectedIds(query.sessions, (filter) => sessions(home, filter, deps));
  return candidateBlocks(storage, { home, query, only, deps });
}

async function* candidateBlocks({ file, exists }: Storage, reads: ReadContext): AsyncGenerator<Block> {
  const { home, query, only, deps } = reads;
  if (exists) yield* fromStorage(file, reads);
  const legacy = legacyIds(home.root).filter((id) => !only || only.has(id));
  const stored = exists && legacy.length > 0 ? withEvents(file, legacy, deps) : new Set();
  for (const id of legacy) {
    deps.signal.throwIfAborted();
    if (!stored.has(id)) yield* legacyEvents(home, id, { types: query.types }) ?? [];
  }
}

const withEvents = (file: string, ids: readonly string[], deps: Deps): ReadonlySet<string> =>
  readShaped(file, STORAGE_SHAPE, deps, (db) => {
    const any = db.prepare("SELECT 1 FROM events WHERE run_id = ? LIMIT 1");
    return new Set(ids.filter((id) => any.get(id) !== undefined));
  });

interface ReadContext {
  readonly home: Home;
  readonly query: CandidateQuery;
  readonly only: ReadonlySet<string> | undefined;
  readonly deps: Deps;
}

/** Goes on where it was when the file changes under it: what was read from a changed file is not used. */
async function* fromStorage(file: string, { home, query, only, deps }: ReadContext): AsyncGenerator<Block> {
  let after = 0;
  for (let changes = 0; ; changes++) {
    using reading = openStorage(file, deps);
    try {
      const scan = new Scan(reading.db, home, { ...query, only });
      for (;;) {
        const { block, last, isEnd } = scan.page(after);
        if (!reading.unchanged()) break;
        if (block) yield block;
        deps.signal.throwIfAborted();
        after = last ?? after;
        if (isEnd) return;
      }
    } catch (error) {
      if (reading.unchanged()) throw toDatabaseError(file, error);
    }
    if (changes === MOST_CHANGES) throw busy(`${file} keeps changing`);
  }
}
