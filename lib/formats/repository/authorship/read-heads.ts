// Reads the log of a signed repository: on from what this machine has seen, or whole, with all that is wrong with it.
import type { Verifier } from "../../seal/note-key.ts";
import type { Target } from "../../../targets/target.ts";
import type { Digest } from "../../seal/merkle.ts";
import { HEADS, headKey } from "../layout.ts";
import { HeadLog, parseHead, type LogHead } from "./head-log.ts";

export interface HeadSource {
  readonly target: Target;
  readonly repositoryId: string;
  readonly verifiers: readonly Verifier[];
}

/** A head that was seen, here or elsewhere: the log must still have it. */
export interface SeenHead {
  readonly count: number;
  readonly root: Digest;
  /** Who has seen it, as the subject of a sentence. */
  readonly witness: string;
}

export interface HeadFault {
  readonly code: "HEAD_MISSING" | "HEAD_FORGED" | "HEAD_ROLLED_BACK";
  readonly key: string;
  readonly message: string;
}

/** Reads what came after; the first fault ends it and is returned. */
export async function followHeads(source: HeadSource, log: HeadLog): Promise<HeadFault | undefined> {
  for (;;) {
    const key = headKey(log.count + 1);
    const bytes = await source.target.get(key);
    if (!bytes) return undefined;
    const head = parse(source, bytes);
    if (!head || !log.push(head)) return forged(key, head);
  }
}

/** Every head from the first to the last. */
export async function readAllHeads(
  source: HeadSource,
  seen: readonly SeenHead[] = [],
): Promise<{ readonly log: HeadLog; readonly faults: readonly HeadFault[] }> {
  const log = new HeadLog();
  const faults: HeadFault[] = [];
  let last = 0;
  let isIntact = true;
  for await (const { key, count, bytes } of listHeads(source.target)) {
    if (count > last + 1) {
      faults.push(missing(last + 1, count - 1));
      isIntact = false;
    }
    last = count;
    const head = parse(source, bytes);
    const follows: boolean = isIntact && head?.count === count && log.push(head);
    if (!head || (isIntact && !follows)) faults.push(forged(key, head));
    // Beyond the first fault a head still says what was added and pruned.
    else if (!follows) log.note(head.leaf);
    isIntact &&= follows;
    for (const each of seen) if (follows && each.count === count && each.root !== log.root) faults.push(another(each));
  }
  for (const each of seen) if (each.count > last) faults.push(rolledBack(each, last));
  return { log, faults };
}

const AT_ONCE = 16;

async function* listHeads(target: Target): AsyncGenerator<{ key: string; count: number; bytes: Buffer }> {
  const heads: { key: string; count: number }[] = [];
  for await (const { key } of target.list(HEADS)) {
    const count = Number(/^heads\/(\d{10,})\.note$/.exec(key)?.[1]);
    if (count > 0 && headKey(count) === key) heads.push({ key, count });
  }
  heads.sort((a, b) => a.count - b.count);
  for (let at = 0; at < heads.length; at += AT_ONCE) {
    const read = heads.slice(at, at + AT_ONCE).map(async (head) => ({ ...head, bytes: await target.get(head.key) }));
    for (const { bytes = Buffer.alloc(0), ...head } of await Promise.all(read)) yield { ...head, bytes };
  }
}

const parse = ({ repositoryId, verifiers }: HeadSource, bytes: Buffer): LogHead | undefined =>
  parseHead(bytes, repositoryId, verifiers);

const forged = (key: string, head: LogHead | undefined): HeadFault => ({
  code: "HEAD_FORGED",
  key,
  message: head ? "does not continue the heads before it" : "is not a head that the repository's key has signed",
});

const missing = (from: number, to: number): HeadFault => ({
  code: "HEAD_MISSING",
  key: headKey(from),
  message: from === to ? "is missing" : `and all heads up to ${to} are missing`,
});

export const rolledBack = ({ count, witness }: SeenHead, now: number): HeadFault => ({
  code: "HEAD_ROLLED_BACK",
  key: headKey(count),
  message: `is missing: ${witness} has seen ${count} heads, and the repository has ${now}`,
});

export const another = ({ count, witness }: SeenHead): HeadFault => ({
  code: "HEAD_ROLLED_BACK",
  key: headKey(count),
  message: `is not the head that ${witness} has seen: the repository was taken back, and has grown in another way since`,
});
