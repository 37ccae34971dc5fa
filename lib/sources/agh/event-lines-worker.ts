// A thread that makes pages of event lines, beside the one that makes every other page and writes them all.
import { parentPort, workerData } from "node:worker_threads";
import { openAgain } from "../../sqlite/open.ts";
import type { EventRange } from "../source.ts";
import { EventLines, type Origin, type Span } from "./event-lines.ts";

export interface PageWorkerData {
  readonly uri: string;
  readonly origin: Origin;
  readonly range: EventRange;
}

/** A page made; without bytes where the other thread must see for itself. */
export interface MadePage {
  readonly bytes?: Uint8Array<ArrayBuffer>;
  readonly count: number;
}

const { uri, origin, range } = workerData as PageWorkerData;
const lines = new EventLines(openAgain(uri), origin, range);
const say = (message: "ready" | MadePage, ...moved: ArrayBuffer[]): void => parentPort!.postMessage(message, moved);

parentPort!.on("message", (span: Span) => {
  try {
    const block = lines.block(span);
    if (!block) return say({ count: 0 });
    const bytes = block.bytes as Uint8Array<ArrayBuffer>;
    say({ bytes, count: block.count }, bytes.buffer);
  } catch {
    say({ count: 0 }); // the other thread meets the same error, and knows what it means
  }
});
say("ready");
