// Which events a search must look at: those of sessions in which SQLite finds the words, or letters that may fold into them.
import type { DatabaseSync } from "node:sqlite";
import type { Deps } from "../../../records/deps.ts";
import { Block } from "../../../records/record.ts";
import type { Home, SessionFilter, CandidateQuery } from "../../source.ts";
import { cachedDatabase, readDatabase } from "../catalog/database.ts";
import { eventLine } from "./event-line.ts";
import { timeline } from "./events.ts";
import { sessions } from "../sessions/sessions.ts";

/** All events of the sessions in which every word may occur; there is no index, but SQLite looks faster than JSON is parsed. */
export async function candidates(home: Home, { sessions: filter, types, terms }: CandidateQuery, deps: Deps) {
  const words = terms.flatMap((term) => term.words).filter((word) => /^[a-z0-9]+$/.test(word));
  return candidateBlocks(home, filter, { words, types }, deps);
}

interface CandidateFilter {
  readonly words: readonly string[];
  readonly types: readonly string[];
}

async function* candidateBlocks(
  home: Home,
  filter: SessionFilter,
  { words, types }: CandidateFilter,
  deps: Deps,
): AsyncGenerator<Block> {
  const likely = readDatabase(home.root, deps, (db) => sessionsWith(db, words));
  using cached = cachedDatabase(home.root, deps);
  for await (const { id } of sessions(home, filter, deps)) {
    if (!likely.has(id)) continue;
    const lines: string[] = [];
    for await (const placed of timeline(home, id, deps, cached)) {
      for (const event of placed) {
        if (types.length === 0 || types.includes(event.type)) lines.push(eventLine(home, id, event));
      }
      if (lines.length < BLOCK_LINES) continue;
      yield new Block(Buffer.from(lines.join("")), lines.length);
      lines.length = 0;
    }
    if (lines.length > 0) yield new Block(Buffer.from(lines.join("")), lines.length);
  }
}

const BLOCK_LINES = 500;

/** Letters beyond ASCII may fold into a word, and an escape may stand for one of its letters. */
const UNPLAIN = "length(content) <> octet_length(content) OR instr(content, '\\u00') > 0";

function sessionsWith(db: DatabaseSync, words: readonly string[]): ReadonlySet<string> {
  const may = words.map(() => "content LIKE ?").join(" AND ");
  const where = words.length === 0 ? "" : `WHERE (${may}) OR ${UNPLAIN}`;
  const rows = db.prepare(`SELECT DISTINCT session_id FROM messages ${where}`).all(...words.map((word) => `%${word}%`));
  return new Set(rows.map(({ session_id }) => String(session_id)));
}
