// Events gathered by day, each day a Parquet file in a staging directory, with a bound on what is held in memory.
import { joinPath } from "../files/os-path.ts";
import { collector } from "../files/collect.ts";
import { ParquetFile, parquetLibrary, type ParquetColumn, type ParquetPart, type Values } from "../formats/parquet.ts";
import { TOKEN_KEYS, type EventColumns } from "../sources/agh/event-columns.ts";

const TOKENS = TOKEN_KEYS.map((key) => key.replace(/[A-Z]/g, (letter, at) => (at ? "_" : "") + letter.toLowerCase()));

/** The columns of every file; runtime and day are in its path. */
export const EVENT_COLUMNS: readonly ParquetColumn[] = [
  { name: "session_id", type: "string", required: true, ranges: true },
  { name: "sequence", type: "int64", required: true, distinct: true, ranges: true },
  { name: "event_id", type: "string", distinct: true },
  { name: "turn_id", type: "string" },
  { name: "type", type: "string", ranges: true },
  { name: "agent", type: "string" },
  { name: "ts", type: "time_ns", distinct: true, ranges: true },
  { name: "tool_name", type: "string" },
  { name: "tool_call_id", type: "string" },
  ...TOKENS.map((name): ParquetColumn => ({ name, type: "int64" })),
  { name: "cost", type: "double" },
  { name: "currency", type: "string" },
  { name: "content", type: "string", distinct: true },
  { name: "_raw", type: "string" },
];

/** Bytes of events that are held, over all days. */
const HELD = 16 << 20;
/** Of one day: then a row group is written. */
const GROUP = 4 << 20;
/** What Hive calls a partition without a value: events whose time is none. */
const NO_DAY = "__HIVE_DEFAULT_PARTITION__";

interface Day {
  readonly key: string;
  readonly file: ParquetFile;
  values: Values[number][][];
  bytes: number;
}

export class EventParts {
  rows = 0;
  /** Rows with a value that fitted no column. */
  odd = 0;
  #library: Awaited<ReturnType<typeof parquetLibrary>>;
  #stage: string;
  #days = new Map<string, Day>();
  #held = 0;
  #collect = collector();

  private constructor(library: Awaited<ReturnType<typeof parquetLibrary>>, stage: string) {
    this.#library = library;
    this.#stage = stage;
  }

  static async open(stage: string): Promise<EventParts> {
    return new EventParts(await parquetLibrary(), stage);
  }

  add(runtime: string, session: string, page: EventColumns): void {
    const rows = page.sequence.length;
    for (let from = 0; from < rows;) {
      let to = from + 1;
      while (to < rows && page.day[to] === page.day[from]) to++;
      this.#addRun(this.#day(runtime, page.day[from] ?? NO_DAY), session, page, from, to);
      from = to;
    }
    this.rows += rows;
    this.odd += page.raw.reduce((count, it) => count + (it === null ? 0 : 1), 0);
    if (this.#held > HELD) for (const day of this.#days.values()) this.#flush(day);
  }

  /** Every file, with the key that its content gives it. */
  close(): { readonly key: string; readonly part: ParquetPart }[] {
    const days = [...this.#days.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
    return days.map((day) => {
      this.#flush(day);
      const part = day.file.close();
      return { key: `${day.key}/part-${part.sha256.slice(0, 16)}.parquet`, part };
    });
  }

  #day(runtime: string, name: string): Day {
    const key = `runtime=${runtime}/day=${name}`;
    let day = this.#days.get(key);
    if (!day) {
      const file = new ParquetFile(this.#library, joinPath(this.#stage, `${this.#days.size}.parquet`), EVENT_COLUMNS);
      day = { key, file, values: EVENT_COLUMNS.map(() => []), bytes: 0 };
      this.#days.set(key, day);
    }
    return day;
  }

  #addRun(day: Day, session: string, page: EventColumns, from: number, to: number): void {
    let bytes = 0;
    for (let row = from; row < to; row++) {
      const usage = page.usage[row];
      const content = page.content[row] ?? null;
      const values = day.values;
      let column = 0;
      values[column++]!.push(session);
      values[column++]!.push(page.sequence[row]!);
      values[column++]!.push(page.event_id[row]!);
      values[column++]!.push(page.turn_id[row]!);
      values[column++]!.push(page.type[row]!);
      values[column++]!.push(page.agent[row]!);
      values[column++]!.push(page.ts[row]!);
      values[column++]!.push(page.tool_name[row]!);
      values[column++]!.push(page.tool_call_id[row]!);
      for (let token = 0; token < TOKENS.length; token++) values[column++]!.push(usage?.tokens[token] ?? null);
      values[column++]!.push(usage?.cost ?? null);
      values[column++]!.push(usage?.currency ?? null);
      values[column++]!.push(content);
      values[column++]!.push(page.raw[row]!);
      bytes += 200 + (content?.length ?? 0);
    }
    day.bytes += bytes;
    this.#collect(2 * bytes); // columns, and what they are compressed into
    this.#held += bytes;
    if (day.bytes >= GROUP) this.#flush(day);
  }

  #flush(day: Day): void {
    if (day.values[0]!.length === 0) return;
    day.file.write(day.values);
    this.#held -= day.bytes;
    day.bytes = 0;
    day.values = EVENT_COLUMNS.map(() => []);
  }
}
