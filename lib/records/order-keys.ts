// A record with its keys in documented order, so that the same thing is always the same line.
import { KINDS } from "./kinds.ts";
import type { AnyRecord } from "./record.ts";

/** Keys that are undefined, or that its kind does not know, are left out. */
export function orderKeys<Record extends AnyRecord>(record: Record): Record {
  const ordered: { [key: string]: unknown; kind: string } = { kind: record.kind };
  for (const name of Object.keys(KINDS.get(record.kind)?.fields ?? record)) {
    if (record[name] !== undefined) ordered[name] = record[name];
  }
  return ordered as Record;
}
