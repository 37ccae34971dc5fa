// Ranks hits: how often the terms occur, in how much text.
import { documented } from "../records/documented.ts";
import type { SearchField } from "../policy/search-field.ts";
import type { AnyRecord } from "../records/record.ts";
import type { MatchRecord } from "../records/things.ts";
import type { Home } from "../sources/source.ts";
import type { Hit } from "./search-find.ts";
import type { Passage } from "./search-passages.ts";

interface Ranked {
  readonly event: Omit<AnyRecord, "kind">;
  readonly field: SearchField;
  readonly context: string;
  readonly score: number;
}

/** Characters of text on either side of the hit. */
const AROUND = 60;
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
    const { id, session_id, sequence, type, timestamp } = part.event; // not what it says: there may be very many
    const event = { id, session_id, sequence, type, timestamp };
    this.#found.push({ event, field, context: around(text, hit), score: scoreOf(hit, text.length) });
    if (this.#found.length > 4 * this.#limit + 1000) this.#found = this.#sorted();
  }

  *records(): Generator<MatchRecord> {
    for (const { event, field, context, score } of this.#sorted()) {
      yield documented({
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
    return this.#found.sort(before).slice(0, this.#limit);
  }
}

function before(a: Ranked, b: Ranked): number {
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
function around(text: string, { start, end }: Hit): string {
  const [from, to] = [Math.max(0, start - AROUND), Math.min(text.length, Math.min(end, start + 200) + AROUND)];
  const part = text
    .slice(from, to)
    .toWellFormed()
    .replace(/\s+/g, " ")
    .replace(/^\uFFFD|\uFFFD$/g, "")
    .trim();
  return `${from > 0 ? "…" : ""}${part}${to < text.length ? "…" : ""}`;
}
