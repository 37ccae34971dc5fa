// Records that carry a runtime's own JSON as it is: no number re-rounded, no key reordered.
import { orderKeys } from "../../../records/order-keys.ts";
import type { AnyRecord } from "../../../records/record.ts";
import { oneLine } from "../../exact-json.ts";

/** A value kept as its JSON text, so that it is written unchanged. */
export class ExactJson {
  readonly json: string;

  constructor(json: string) {
    this.json = json;
  }
}

/** The record's line, in documented order. */
export function encodeExactLine(record: AnyRecord): string {
  const pairs: string[] = [];
  for (const [key, value] of Object.entries(orderKeys(record))) {
    pairs.push(`${JSON.stringify(key)}:${value instanceof ExactJson ? oneLine(value.json) : JSON.stringify(value)}`);
  }
  return `{${pairs.join(",")}}\n`;
}
