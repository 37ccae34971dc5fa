// Ranks hits: how often the terms occur, in how much text.
import { orderKeys } from "../../records/order-keys.ts";
import type { SearchField } from "../../policy/search-field.ts";
import type { AnyRecord } from "../../records/record.ts";
import type { MatchRecord } from "../../records/runtime-kinds.ts";
import type { Home } from "../../sources/source.ts";
import type { Hit } from "./find.ts";
import type { Passage } from "./passages.ts";

interface Ranked {
  readonly event: Omit<AnyRecord, "kind">;
  readonly field: SearchField;
  readonly context: string;
  readonly score: number;
}

/** Characters of text on either side of the hit. */
const CONTEXT_CHARS = 60;
/** Of Okapi's BM25: how soon more of the same counts less, and what length counts against. */
const [SATURATION, USUAL_LENGTH] = [1.2, 400];

export class Ranking {
  readonly #home: Pick<Home, "runtime" | "place">;
  readonly #limit: number;
  #found: Ranked[] = [];

  constructor(home: Pick<Home, "runtime" | "place">, limit = Number.POSITIVE_INFINITY) {
    this.#home = home;
    this.#limit = limit;
  }

  add({ text, field, parts }: Passage, hit: Hit): void {
    const part = parts.findLast(({ start }) => start <= hit.start)!;
    const { id, session_id, sequence, type, timestamp } = part.event; // without its content: there may be very many
    const event = { id, session_id, sequence, type, timestamp };
    this.#found.push({ event, field, context: excerpt(text, hit), score: scoreOf(hit, text.length) });
    if (this.#found.length > 4 * this.#limit + 1000) this.#found = this.#sorted();
  }

  *records(): Generator<MatchRecord> {
    for (const { event, field, context, score } of this.#sorted()) {
      yield orderKeys({
        kind: "match",
        runtime: this.#home.runtime,
        home: this.#home.place,
        id: event["id"],
        session_id: event["session_id"],
        sequence: event["sequence"],
        type: event["type"] ?? null,
        timestamp: event["timestamp"] ?? null,
        field,
        context,
        score,
      }) as MatchRecord;
    }
  }

  #sorted(): Ranked[] {
    return this.#found.sort(compareRanked).slice(0, this.#limit);
  }
}

function compareRanked(a: Ranked, b: Ranked): number {
  if (a.score !== b.score) return b.score - a.score;
  const [one, two] = [String(a.event["session_id"]), String(b.event["session_id"])];
  return one === two ? Number(a.event["sequence"]) - Number(b.event["sequence"]) : one < two ? -1 : 1;
}

function scoreOf({ counts }: Hit, length: number): number {
  const weight = SATURATION * (0.25 + (0.75 * length) / USUAL_LENGTH);
  const sum = counts.reduce((total, count) => total + (count * (SATURATION + 1)) / (count + weight), 0);
  return Math.round(sum * 10_000) / 10_000;
}

/** On one line, an ellipsis where it was cut. */
function excerpt(text: string, { start, end }: Hit): string {
  const [from, to] = [
    Math.max(0, start - CONTEXT_CHARS),
    Math.min(text.length, Math.min(end, start + 200) + CONTEXT_CHARS),
  ];
  const part = text
    .slice(from, to)
    .toWellFormed()
    .replace(/\s+/g, " ")
    .replace(/^\uFFFD|\uFFFD$/g, "")
    .trim();
  return `${from > 0 ? "…" : ""}${part}${to < text.length ? "…" : ""}`;
}
