// Records that carry a runtime's own JSON as it is: no number re-rounded, no key reordered.
import { documented } from "../../records/documented.ts";
import type { AnyRecord } from "../../records/record.ts";
import { oneLine } from "../exact-json.ts";

/** JSON text that stands for its value. */
export class Exact {
  readonly json: string;

  constructor(json: string) {
    this.json = json;
  }
}

/** The record's line, in documented order. */
export function exactLine(record: AnyRecord): string {
  const pairs: string[] = [];
  for (const [key, value] of Object.entries(documented(record))) {
    pairs.push(`${JSON.stringify(key)}:${value instanceof Exact ? oneLine(value.json) : JSON.stringify(value)}`);
  }
  return `{${pairs.join(",")}}\n`;
}
