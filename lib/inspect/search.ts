// The verb `search`: every event of the selected sessions is looked at, the best hits come first.
import { openPlace, type OpenPlace } from "../places/place.ts";
import { SEARCH_FIELDS, type SearchField } from "../policy/search-field.ts";
import { isUnspaced, searchTerms, type Term } from "../policy/search-query.ts";
import type { Deps } from "../records/deps.ts";
import { EXIT, ToolError, asPartial, usageError } from "../records/error.ts";
import { Block, lines, type AnyRecord } from "../records/record.ts";
import type { MatchRecord } from "../records/things.ts";
import type { EventRange, SessionFilter } from "../sources/source.ts";
import { findPattern, findTerms, type Find } from "./search-find.ts";
import { Passages, type Passage } from "./search-passages.ts";
import { Ranking } from "./search-ranking.ts";
import type { Where } from "./sessions.ts";

export interface SearchQuery {
  readonly query: string;
  /** The query is a pattern, not words. */
  readonly regex: boolean;
  readonly sessions: SessionFilter;
  readonly types: readonly string[];
  /** [] is all of them. */
  readonly fields: readonly SearchField[];
  readonly limit: number | undefined;
}

export interface Searching {
  readonly find: Find;
  /** Undefined for a pattern. */
  readonly terms?: readonly Term[];
  /** What a line without any hit surely lacks; undefined where only reading it tells. */
  readonly mayHold: (line: string) => boolean;
}

/** Throws (2) for a query that says nothing, and for a pattern that is none. */
export function searchingFor({ query, regex }: Pick<SearchQuery, "query" | "regex">): Searching {
  if (regex) return { find: findPattern(patternOf(query)), mayHold: () => true };
  const terms = searchTerms(query);
  const plain = terms.flatMap(({ words }) => words).filter((word) => /^[a-z0-9]+$/.test(word));
  const tests = plain.map((word) => new RegExp(word, "i"));
  return {
    terms,
    find: findTerms(terms),
    mayHold: (line) => tests.every((test) => test.test(line)) || UNPLAIN.test(line),
  };
}

/** Letters that fold into others, or stand there as escapes. */
const UNPLAIN = /[^\x00-\x7f]|\\u/; // eslint-disable-line no-control-regex

function patternOf(text: string): RegExp {
  try {
    return new RegExp(text, "giu");
  } catch (error) {
    throw usageError(
      `${JSON.stringify(text)} is no pattern: ${(error as Error).message}`,
      "--regex takes JavaScript's patterns",
    );
  }
}

/** `match` records, best first; those of equal score in order of session and event. */
export async function* search(
  where: Where,
  query: SearchQuery,
  searching: Searching,
  deps: Deps,
): AsyncGenerator<MatchRecord> {
  using place = await openPlace(where.home, where, deps);
  const ranking = new Ranking(place.home, query.limit);
  const fields = new Set(query.fields.length > 0 ? query.fields : SEARCH_FIELDS);
  const { find, mayHold } = searching;
  let slow = 0;
  const look = (passages: readonly Passage[]): void => {
    const hits = find(passages.map(({ text }) => text));
    for (const [at, passage] of passages.entries()) {
      const hit = hits[at];
      if (hit === "slow") slow++;
      else if (hit) ranking.add(passage, hit);
    }
  };
  for await (const blocks of (await indexed(place, query, searching, deps)) ?? sessionBlocks(place, query, deps)) {
    const passages = new Passages(fields, mayHold);
    for await (const block of blocks) look(block.length === 0 ? passages.end() : passages.of(block));
    look(passages.end());
  }
  if (slow > 0) deps.log.problem(tooSlow(slow));
  yield* ranking.records();
}

/** What the runtime's own way leaves to look at, in one pass. It knows words by the spaces between them; without any all is left. */
async function indexed(
  { home, source }: OpenPlace,
  { sessions, types, fields }: SearchQuery,
  { terms }: Searching,
  deps: Deps,
): Promise<AsyncIterable<readonly string[]>[] | undefined> {
  const known = terms && !terms.some(isUnspaced) ? terms : [];
  const found = await source.candidates?.(home, { sessions, types, fields, terms: known }, deps);
  return found && [linesIn(found)];
}

/** Session by session, those with anything to read. */
async function* sessionBlocks(
  { home, source }: OpenPlace,
  { sessions, types }: SearchQuery,
  deps: Deps,
): AsyncGenerator<AsyncIterable<readonly string[]>> {
  const range: EventRange = { types };
  for await (const { id, has } of source.sessions(home, sessions, deps)) {
    if (!has.events && !has.ledger && !has.archive) continue;
    deps.signal.throwIfAborted();
    yield forgiving(source.events(home, id, range, deps), deps);
  }
}

/** A session that cannot be read does not stop the others. */
async function* forgiving(items: AsyncIterable<Block | AnyRecord>, deps: Deps): AsyncGenerator<readonly string[]> {
  try {
    yield* linesIn(items);
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    deps.log.problem(asPartial(error));
  }
}

async function* linesIn(items: AsyncIterable<Block | AnyRecord>): AsyncGenerator<readonly string[]> {
  for await (const item of items)
    yield item instanceof Block ? (item.count === 0 ? [] : lines(item)) : [JSON.stringify(item)];
}

const tooSlow = (count: number): ToolError =>
  new ToolError({
    code: "E_SLOW_PATTERN",
    message: `the pattern took more than a second over ${count} ${count === 1 ? "text" : "texts"}: whether they match is not known`,
    hint: "a pattern without nested repetitions",
    exit: EXIT.partial,
  });
