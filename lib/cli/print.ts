// Prints what a verb yields in the requested format, and takes the exit code from it.
import { EXIT, severest, type Exit } from "../records/error.ts";
import { Artefact, Block, encode, lines, type AnyRecord, type Item, type Items } from "../records/record.ts";
import type { OutputBuffer } from "./output.ts";

export interface PrintOptions {
  readonly format: "table" | "json" | "csv" | "ids";
  readonly fields: readonly string[] | undefined;
  /** Columns of the terminal. */
  readonly width: number;
  readonly bold: (text: string) => string;
}

/** Writes every item and returns the exit code that the records carry. */
export async function print(items: Items, output: OutputBuffer, options: PrintOptions): Promise<PrintResult> {
  const printer = await printerFor(options);
  const idleTimer = setInterval(() => void output.add(printer.flushIdle?.() ?? ""), IDLE_MS).unref();
  let exit: Exit = EXIT.ok;
  let isPlan = false;
  let printed = 0;
  try {
    for await (const item of items) {
      if (item instanceof Block) printed += item.bytes.length;
      else if (!(item instanceof Artefact)) {
        exit = severest(exit, exitOf(item));
        isPlan ||= item.kind === "action" && item["state"] === "planned";
      }
      for (const part of encodeItem(item, options, printer)) if (output.add(part)) await output.flush();
      if (printed < COLLECTED_BYTES) continue;
      printed = 0;
      (await import("../files/memory.ts")).collectGarbage();
    }
  } finally {
    clearInterval(idleTimer);
  }
  output.add(printer.end());
  return { exit, isPlan };
}

/** What the records mean for the exit code. */
export interface PrintResult {
  readonly exit: Exit;
  /** Some of them are planned actions. */
  readonly isPlan: boolean;
}

const IDLE_MS = 300;
/** Of blocks, whose memory V8 does not count in time. */
const COLLECTED_BYTES = 32 << 20;

/** A block of JSON Lines goes out as it is; only other formats take it apart. */
function* encodeItem(item: Item, options: PrintOptions, printer: Printer): Generator<Uint8Array | string> {
  if (item instanceof Artefact) yield item.bytes;
  else if (!(item instanceof Block)) yield printer.add(item);
  else if (options.format === "json" && !options.fields) yield item.bytes;
  else for (const line of lines(item)) yield printer.add(JSON.parse(line) as AnyRecord);
}

function exitOf(record: AnyRecord): Exit {
  return record.kind === "summary" ? (record["exit"] as Exit) : EXIT.ok;
}

interface Printer {
  add(record: AnyRecord): string;
  /** What waits for more, when nothing came for a while. */
  flushIdle?(): string;
  end(): string;
}

/** Tables and CSV know every record kind; a pipe of JSON Lines does not pay for them. */
async function printerFor({ format, fields, width, bold }: PrintOptions): Promise<Printer> {
  if (format === "table" || format === "csv") {
    const { CsvWriter, TableWriter } = await import("./table.ts");
    return format === "table" ? new TableWriter({ width, bold, fields }) : new CsvWriter(fields);
  }
  if (format === "ids") return { add: (record) => (hasId(record) ? `${String(record["id"])}\n` : ""), end: () => "" };
  return { add: (record) => encode(fields ? pickFields(record, fields) : record), end: () => "" };
}

const hasId = (record: AnyRecord): boolean =>
  record["id"] !== undefined && record.kind !== "summary" && record.kind !== "error";

/** The requested keys; a record that ends the stream keeps all of its own. */
function pickFields(record: AnyRecord, fields: readonly string[]): { readonly [name: string]: unknown } {
  if (record.kind === "error" || record.kind === "summary") return record;
  return Object.fromEntries(fields.filter((name) => name in record).map((name) => [name, record[name]]));
}
