// The texts of a session that are searched: one an event, but chunks of one answer put together again.
import { CHUNK_FIELDS, type SearchField } from "../../policy/search-field.ts";
import type { AnyRecord } from "../../records/record.ts";
import { fieldOf, textOf } from "./event-text.ts";

export interface PassagePart {
  readonly event: AnyRecord;
  /** Where its text begins in the passage. */
  readonly start: number;
}

/** A text, and the events it is from, at least one. */
export interface Passage {
  readonly text: string;
  readonly field: SearchField;
  readonly parts: readonly PassagePart[];
}

/** Chunks of one answer that are put together; what is longer is cut there. */
const MAX_LENGTH = 1 << 20;

export class PassageJoiner {
  readonly #fields: ReadonlySet<SearchField>;
  readonly #mayMatch: (line: string) => boolean;
  #chunks: { event: AnyRecord; text: string }[] = [];
  #length = 0;

  constructor(fields: ReadonlySet<SearchField>, mayMatch: (line: string) => boolean) {
    this.#fields = fields;
    this.#mayMatch = mayMatch;
  }

  /** The passages that these lines, which are `event` records, complete. */
  add(lines: readonly string[]): Passage[] {
    const found: Passage[] = [];
    for (const line of lines) {
      const isPart = CHUNK.test(line);
      if (!isPart && !this.#mayMatch(line)) {
        found.push(...this.flush());
        continue;
      }
      const event = JSON.parse(line) as AnyRecord;
      if (!isPart || !CHUNK_FIELDS.has(String(event["type"]))) found.push(...this.flush(), ...this.#whole(event));
      else if (this.#fields.has(fieldOf(event["type"]))) found.push(...this.#chunk(event));
    }
    return found;
  }

  #whole(event: AnyRecord): Passage[] {
    const field = fieldOf(event["type"]);
    const text = this.#fields.has(field) ? textOf(event) : "";
    return text === "" ? [] : [{ text, field, parts: [{ event, start: 0 }] }];
  }

  #chunk(event: AnyRecord): Passage[] {
    const before = this.#chunks[0]?.event;
    const continues = before && before["type"] === event["type"] && before["turn_id"] === event["turn_id"];
    const ended = continues && this.#length < MAX_LENGTH ? [] : this.flush();
    const text = textOf(event);
    this.#chunks.push({ event, text });
    this.#length += text.length;
    return ended;
  }

  /** The chunks that wait for more. */
  flush(): Passage[] {
    if (this.#chunks.length === 0) return [];
    let text = "";
    const parts: PassagePart[] = [];
    for (const chunk of this.#chunks) {
      parts.push({ event: chunk.event, start: text.length });
      text += chunk.text;
    }
    [this.#chunks, this.#length] = [[], 0];
    return [{ text, field: fieldOf(parts[0]!.event["type"]), parts }];
  }
}

/** The type comes before anything that an agent wrote. */
const CHUNK = new RegExp(`^[^]{0,600}?"type":"(?:${[...CHUNK_FIELDS.keys()].join("|")})"`);
