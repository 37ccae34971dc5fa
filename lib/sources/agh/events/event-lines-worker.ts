// A thread that makes pages of event lines, beside the one that makes every other page and writes them all.
import { parentPort, workerData } from "node:worker_threads";
import { openAgain } from "../../../sqlite/read/open.ts";
import type { EventRange } from "../../source.ts";
import { EventLines, type EventSpan } from "./event-lines.ts";
import type { EventOrigin } from "./unusual-event.ts";

export interface PageWorkerData {
  readonly uri: string;
  readonly origin: EventOrigin;
  readonly range: EventRange;
}

/** A page made; without bytes where the other thread must see for itself. */
export interface MadePage {
  readonly bytes?: Uint8Array<ArrayBuffer>;
  readonly count: number;
}

const { uri, origin, range } = workerData as PageWorkerData;
const lines = new EventLines(openAgain(uri), origin, range);
const post = (message: "ready" | MadePage, ...moved: ArrayBuffer[]): void => parentPort!.postMessage(message, moved);

parentPort!.on("message", (span: EventSpan) => {
  try {
    const block = lines.block(span);
    if (!block) return post({ count: 0 });
    const bytes = block.bytes as Uint8Array<ArrayBuffer>;
    post({ bytes, count: block.count }, bytes.buffer);
  } catch {
    post({ count: 0 }); // the other thread meets the same error, and knows what it means
  }
});
post("ready");
