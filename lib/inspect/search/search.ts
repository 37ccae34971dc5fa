// The verb `search`: every event of the selected sessions is looked at, the best hits come first.
import { createCollector } from "../../files/memory.ts";
import type { Place } from "../../places/open-with-capability.ts";
import { openPlace, type OpenPlace } from "../../places/place.ts";
import { SEARCH_FIELDS, type SearchField } from "../../policy/search-field.ts";
import { isUnspaced, parseSearchTerms, type Term } from "../../policy/search-query.ts";
import type { Deps } from "../../records/deps.ts";
import { EXIT, ToolError, usageError } from "../../records/error.ts";
import { Block, lines, type AnyRecord } from "../../records/record.ts";
import type { MatchRecord } from "../../records/runtime-kinds.ts";
import { untilUnreadable } from "../../records/stream.ts";
import type { EventRange, SessionFilter } from "../../sources/source.ts";
import { findPattern, findTerms, type Finder } from "./find.ts";
import { PassageJoiner, type Passage } from "./passages.ts";
import { Ranking } from "./ranking.ts";

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

export interface CompiledQuery {
  readonly find: Finder;
  /** Undefined for a pattern. */
  readonly terms?: readonly Term[];
  /** What a line without any hit surely lacks; undefined where only reading it tells. */
  readonly mayMatch: (line: string) => boolean;
}

/** Throws (2) for a query that says nothing, and for a pattern that is none. */
export function compileQuery({ query, regex }: Pick<SearchQuery, "query" | "regex">): CompiledQuery {
  if (regex) return { find: findPattern(parsePattern(query)), mayMatch: () => true };
  const terms = parseSearchTerms(query);
  const plain = terms.flatMap(({ words }) => words).filter((word) => /^[a-z0-9]+$/.test(word));
  const tests = plain.map((word) => new RegExp(word, "i"));
  return {
    terms,
    find: findTerms(terms),
    mayMatch: (line) => tests.every((test) => test.test(line)) || NON_ASCII.test(line),
  };
}

/** Letters that fold into others, or stand there as escapes. */
const NON_ASCII = /[^\x00-\x7f]|\\u/; // eslint-disable-line no-control-regex

function parsePattern(text: string): RegExp {
  try {
    return new RegExp(text, "giu");
  } catch (error) {
    throw usageError(
      `${JSON.stringify(text)} is not a valid pattern: ${(error as Error).message}`,
      "--regex takes a JavaScript regular expression",
    );
  }
}

/** `match` records, best first; those of equal score in order of session and event. */
export async function* search(
  where: Place,
  query: SearchQuery,
  compiled: CompiledQuery,
  deps: Deps,
): AsyncGenerator<MatchRecord> {
  using place = await openPlace(where.home, where, deps);
  const ranking = new Ranking(place.home, query.limit);
  const fields = new Set(query.fields.length > 0 ? query.fields : SEARCH_FIELDS);
  const { find, mayMatch } = compiled;
  let slow = 0;
  const searchPassages = (passages: readonly Passage[]): void => {
    const hits = find(passages.map(({ text }) => text));
    for (const [at, passage] of passages.entries()) {
      const hit = hits[at];
      if (hit === "slow") slow++;
      else if (hit) ranking.add(passage, hit);
    }
  };
  const collect = createCollector(COLLECTED_BYTES);
  const candidates = await findCandidates(place, query, compiled, deps);
  const all = candidates ? [linesOf(candidates, collect)] : sessionBlocks(place, query, collect, deps);
  for await (const blocks of all) {
    const passages = new PassageJoiner(fields, mayMatch);
    for await (const block of blocks) searchPassages(block.length === 0 ? passages.flush() : passages.add(block));
    searchPassages(passages.flush());
  }
  if (slow > 0) deps.log.problem(slowPatternError(slow));
  yield* ranking.records();
}

/** What the runtime's own way leaves to look at, in one pass. It knows words by the spaces between them; without any all is left. */
async function findCandidates(
  { home, source }: OpenPlace,
  { sessions, types, fields }: SearchQuery,
  { terms }: CompiledQuery,
  deps: Deps,
): Promise<AsyncIterable<Block> | undefined> {
  const known = terms && !terms.some(isUnspaced) ? terms : [];
  return source.candidates?.(home, { sessions, types, fields, terms: known }, deps);
}

/** Session by session, those with anything to read. */
async function* sessionBlocks(
  { home, source }: OpenPlace,
  { sessions, types }: SearchQuery,
  collect: Collect,
  deps: Deps,
): AsyncGenerator<AsyncIterable<readonly string[]>> {
  const range: EventRange = { types };
  for await (const { id, has } of source.sessions(home, sessions, deps)) {
    if (!has.events && !has.ledger && !has.archive) continue;
    deps.signal.throwIfAborted();
    yield linesOf(untilUnreadable(source.events(home, id, range, deps), deps.log), collect);
  }
}

/** Bytes of blocks after which garbage is collected: each line is parsed as well. */
const COLLECTED_BYTES = 8 << 20;

type Collect = ReturnType<typeof createCollector>;

async function* linesOf(items: AsyncIterable<Block | AnyRecord>, collect: Collect): AsyncGenerator<readonly string[]> {
  for await (const item of items) {
    yield item instanceof Block ? (item.count === 0 ? [] : lines(item)) : [JSON.stringify(item)];
    if (item instanceof Block && item.count > 0) collect(item.bytes.length);
  }
}

const slowPatternError = (count: number): ToolError =>
  new ToolError({
    code: "E_SLOW_PATTERN",
    message: `the pattern took more than a second over ${count} ${count === 1 ? "text" : "texts"}: whether they match is unknown`,
    hint: "use a pattern without nested repetitions",
    exit: EXIT.partial,
  });
