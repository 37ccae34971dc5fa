// Events gathered by day, each day a Parquet file in a staging directory, with a bound on what is held in memory.
import { joinPath } from "../files/os-path.ts";
import { createSemiSpaceLimiter, createCollector } from "../files/memory.ts";
import { ColumnValues, type ParquetColumn } from "../formats/parquet/parquet-column.ts";
import { ParquetFile, loadParquetLibrary, type ParquetPart } from "../formats/parquet/parquet.ts";
import { TOKEN_COLUMNS, type EventColumns } from "../sources/event-columns.ts";

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
  ...TOKEN_COLUMNS.map((name): ParquetColumn => ({ name, type: "int64" })),
  { name: "cost", type: "double" },
  { name: "currency", type: "string" },
  { name: "content", type: "string", distinct: true },
  { name: "_raw", type: "string" },
];

/** Bytes of events that are held, over all days. */
const MAX_BUFFERED = 16 << 20;
/** Of one day: then a row group is written. */
const GROUP = 4 << 20;
/** Row groups that are being compressed while others are gathered. */
const UNDER_WAY = 2;
/** Most events are strings for a moment; a smaller one copies them too often, a larger one is mostly memory. */
const NURSERY = 8 << 20;
/** What Hive calls a partition without a value: events whose time is none. */
const NO_DAY = "__HIVE_DEFAULT_PARTITION__";

interface Day {
  readonly key: string;
  readonly file: ParquetFile;
  columns: ColumnValues[];
  bytes: number;
}

const newColumns = (before: readonly ColumnValues[] = []): ColumnValues[] =>
  EVENT_COLUMNS.map((column, index) => new ColumnValues(column, before[index]));

export class EventParts {
  rows = 0;
  /** Rows with a value that fitted no column. */
  rawRows = 0;
  #library: Awaited<ReturnType<typeof loadParquetLibrary>>;
  #stage: string;
  #days = new Map<string, Day>();
  #buffered = 0;
  #underWay: Promise<void>[] = [];
  #collect = createCollector();
  #tend = createSemiSpaceLimiter(NURSERY);

  private constructor(library: Awaited<ReturnType<typeof loadParquetLibrary>>, stage: string) {
    this.#library = library;
    this.#stage = stage;
  }

  static async open(stage: string): Promise<EventParts> {
    return new EventParts(await loadParquetLibrary(), stage);
  }

  /** The page may be forgotten when it returns. */
  async add(runtime: string, session: string, page: EventColumns): Promise<void> {
    const rows = page.sequence.length;
    const sessions = Array.from({ length: rows }, () => session);
    for (let from = 0; from < rows;) {
      let to = from + 1;
      while (to < rows && page.day[to] === page.day[from]) to++;
      this.#addRun(this.#day(runtime, page.day[from] ?? NO_DAY), sessions, page, from, to);
      from = to;
    }
    this.rows += rows;
    this.rawRows += page.raw.reduce((count, it) => count + (it === null ? 0 : 1), 0);
    if (this.#buffered > MAX_BUFFERED) for (const day of this.#days.values()) this.#flush(day);
    this.#tend();
    while (this.#underWay.length > UNDER_WAY) await this.#underWay.shift();
  }

  /** Every file, with the key that its content gives it. */
  async close(): Promise<{ readonly key: string; readonly part: ParquetPart }[]> {
    const days = [...this.#days.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
    for (const day of days) this.#flush(day);
    await Promise.all(this.#underWay);
    return days.map(({ key, file }) => {
      const part = file.close();
      return { key: `${key}/part-${part.sha256.slice(0, 16)}.parquet`, part };
    });
  }

  #day(runtime: string, name: string): Day {
    const key = `runtime=${runtime}/day=${name}`;
    let day = this.#days.get(key);
    if (!day) {
      const file = new ParquetFile(this.#library, joinPath(this.#stage, `${this.#days.size}.parquet`), EVENT_COLUMNS);
      day = { key, file, columns: newColumns(), bytes: 0 };
      this.#days.set(key, day);
    }
    return day;
  }

  #addRun(day: Day, sessions: readonly string[], page: EventColumns, from: number, to: number): void {
    const { content } = page;
    const values = [
      sessions,
      page.sequence,
      page.event_id,
      page.turn_id,
      page.type,
      page.agent,
      page.ts,
      page.tool_name,
      page.tool_call_id,
      ...page.tokens,
      page.cost,
      page.currency,
      content,
      page.raw,
    ];
    for (const [index, column] of day.columns.entries()) {
      const of = values[index]!;
      if ("bytes" in of) column.addSlices(of, from, to);
      else column.add(of, from, to);
    }
    const bytes = 200 * (to - from) + content.starts[to]! - content.starts[from]!;
    day.bytes += bytes;
    this.#collect(2 * bytes); // columns, and what they are compressed into
    this.#buffered += bytes;
    if (day.bytes >= GROUP) this.#flush(day);
  }

  #flush(day: Day): void {
    if (day.bytes === 0) return;
    const writing = day.file.write(day.columns.map((column) => column.encoded()));
    writing.catch(() => undefined); // reported by whoever waits for it
    this.#underWay.push(writing);
    this.#buffered -= day.bytes;
    day.bytes = 0;
    day.columns = newColumns(day.columns);
  }
}
