// Events that a search may find: of a word few rows are read, however many there are.
import { CHUNK_FIELDS } from "../../../policy/search-field.ts";
import type { Deps } from "../../../records/deps.ts";
import { Block } from "../../../records/record.ts";
import { untilUnreadable } from "../../../records/stream.ts";
import type { ReadConnection } from "../../../sqlite/read/open.ts";
import { toDatabaseError, looksBroken } from "../../../sqlite/errors.ts";
import type { Home, CandidateQuery } from "../../source.ts";
import { openEvents } from "../home/databases.ts";
import { EventLines } from "./event-lines.ts";
import { streamEvents, findEventsDir } from "./stream-events.ts";
import { loadHistory, type EventHistory } from "./history.ts";
import { EVENTS } from "../home/layout.ts";
import { readSessions } from "../sessions/read-sessions.ts";
import { SearchPrefilter } from "./search-prefilter.ts";
import { isPlainWord, wordPattern } from "./word-pattern.ts";

/** `event` records of the selected sessions. Undefined where no word of them can be looked for byte by byte. */
export async function findCandidates(
  home: Home,
  sought: CandidateQuery,
  deps: Deps,
): Promise<AsyncGenerator<Block> | undefined> {
  const words = sought.terms.flatMap((term) => term.words).filter(isPlainWord);
  const [word] = words.sort((a, b) => b.length - a.length); // a longer one is rarer
  return word === undefined ? undefined : candidatesFor(home, sought, word, deps);
}

async function* candidatesFor(home: Home, sought: CandidateQuery, word: string, deps: Deps): AsyncGenerator<Block> {
  const history = await loadHistory(home, deps);
  const pattern = wordPattern(word);
  for await (const { id, has } of readSessions(home, sought.sessions, deps)) {
    if (!has.events && !has.ledger && !has.archive) continue;
    deps.signal.throwIfAborted();
    yield* untilUnreadable(inSession({ home, id, sought, word, pattern, history, deps }), deps.log);
    yield BREAK;
  }
}

const BREAK = new Block(new Uint8Array(), 0);

interface SessionSearch {
  readonly home: Home;
  readonly id: string;
  readonly sought: CandidateQuery;
  readonly word: string;
  readonly pattern: RegExp;
  readonly history: EventHistory;
  readonly deps: Deps;
}

async function* inSession(search: SessionSearch): AsyncGenerator<Block> {
  const { home, id, sought, history, deps } = search;
  const dir = findEventsDir(home, id);
  let after: bigint | undefined;
  if (dir !== undefined) {
    using reading = openEvents(dir, deps);
    const elsewhere = reading.unchanged() && history.ledgerInstead(reading.db, dir, id) !== undefined;
    if (!elsewhere) {
      const came = yield* prefiltered(reading, search);
      if (came === "end") return;
      after = came;
    }
  }
  // What a ledger has, and what is left of a file that changes, is read whole.
  const afterSequence = after === undefined ? {} : { afterSequence: Number(after) };
  yield* streamEvents(home, id, { types: sought.types, ...afterSequence }, deps);
}

/** Until the end, or until the file has changed: then the last sequence that was read. */
async function* prefiltered(
  reading: ReadConnection,
  { home, id, sought, word, pattern }: SessionSearch,
): AsyncGenerator<Block, "end" | bigint | undefined> {
  const { types } = sought;
  const lines = new EventLines(reading.db, { home: home.place, sessionId: id }, { types });
  let after: bigint | undefined;
  try {
    const prefilter = new SearchPrefilter(reading.db, { word, pattern, types, without: chunksWithout(sought) });
    for (const spans of prefilter.pages()) {
      const blocks = spans.map((span) => Array.from(lines.within(span), ({ block }) => block));
      if (!reading.unchanged()) return after;
      for (const [at, some] of blocks.entries()) {
        yield* some;
        yield BREAK;
        after = spans[at]!.last;
      }
    }
  } catch (error) {
    if (!looksBroken(error) || reading.unchanged()) throw toDatabaseError(`${EVENTS} of ${id}`, error);
    return after;
  }
  return reading.unchanged() ? "end" : after;
}

/** Types of chunks that are not searched. */
const chunksWithout = ({ fields }: CandidateQuery): string[] =>
  [...CHUNK_FIELDS].filter(([, field]) => fields.length > 0 && !fields.includes(field)).map(([type]) => type);
