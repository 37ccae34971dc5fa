// Reads what an upstream command printed: records, bare ids, or its error.
import { refusal, usageError } from "./error.ts";
import type { AnyRecord } from "./record.ts";

/** What stdin names: records of the kinds a verb acts on, and bare ids. */
export interface Selection {
  readonly records: readonly AnyRecord[];
  readonly ids: readonly string[];
  /** Records of other kinds, which actors count and filters pass on. */
  readonly others: readonly AnyRecord[];
}

interface Reading {
  /** The kinds that name what the verb acts on. */
  readonly acts: readonly string[];
  /** Ids are separated by NUL, and every item is a bare id or a record. */
  readonly nul?: boolean;
}

/**
 * Reads all of stdin before anything is done. A broken line (also a half last one) is a usage error that names it;
 * an upstream `error` record refuses the whole (exit 4).
 */
export async function readSelection(
  stdin: AsyncIterable<Uint8Array | string>,
  { acts, nul }: Reading,
): Promise<Selection> {
  const records: AnyRecord[] = [];
  const ids: string[] = [];
  const others: AnyRecord[] = [];
  let upstream: AnyRecord | undefined;
  for await (const { text, number } of items(stdin, nul ? "\0" : "\n")) {
    if (text.trim() === "") continue;
    if (!text.startsWith("{")) {
      ids.push(text.replace(/\r$/, ""));
      continue;
    }
    const record = parse(text, number);
    if (record.kind === "error") upstream = record;
    (acts.includes(record.kind) ? records : others).push(record);
  }
  if (upstream) {
    throw refusal(
      "E_UPSTREAM",
      `the command before this one failed: ${String(upstream["message"])}`,
      "correct that one first; nothing was changed",
    );
  }
  return { records, ids, others };
}

function parse(text: string, number: number): AnyRecord {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw usageError(
      `line ${number} of stdin is not valid JSON: ${clip(text)}`,
      "was the command before this one cut off?",
    );
  }
  if (typeof (value as AnyRecord).kind !== "string")
    throw usageError(`line ${number} of stdin has no kind: ${clip(text)}`);
  return value as AnyRecord;
}

const clip = (text: string): string => JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);

async function* items(
  stdin: AsyncIterable<Uint8Array | string>,
  separator: string,
): AsyncGenerator<{ text: string; number: number }> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let pending = "";
  let number = 0;
  for await (const chunk of stdin) {
    pending += typeof chunk === "string" ? chunk : decode(decoder, chunk, number);
    const parts = pending.split(separator);
    pending = parts.pop()!;
    for (const text of parts) yield { text, number: ++number };
  }
  if (pending !== "") yield { text: pending, number: ++number };
}

function decode(decoder: InstanceType<typeof TextDecoder>, chunk: Uint8Array, number: number): string {
  try {
    return decoder.decode(chunk, { stream: true });
  } catch {
    throw usageError(`stdin is not valid UTF-8 after line ${number}`);
  }
}
