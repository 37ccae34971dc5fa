// Streams of records: limited, whether they come one by one or in blocks, and read as far as they can be.
import assert from "node:assert/strict";
import { test } from "node:test";
import { placeError } from "../../lib/records/error.ts";
import { Block, lines } from "../../lib/records/record.ts";
import { limit, toBlocks, untilUnreadable } from "../../lib/records/stream.ts";

async function* each<T>(items: readonly T[], onEnd?: () => void): AsyncGenerator<T> {
  try {
    yield* items;
  } finally {
    onEnd?.();
  }
}

async function gather<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

const block = (...of: readonly string[]): Block =>
  new Block(Buffer.from(of.map((line) => `${line}\n`).join("")), of.length);

async function taken(items: readonly (Block | string)[], count: number | undefined): Promise<string[]> {
  const found: string[] = [];
  for await (const item of limit(each(items), count)) found.push(...(item instanceof Block ? lines(item) : [item]));
  return found;
}

test("a limit counts records in blocks, cuts the last one, and passes empty ones", async () => {
  const items = ["a", block("b", "cä"), block(), block("d", "e", "f"), "g"];
  const all = ["a", "b", "cä", "d", "e", "f", "g"];
  for (let count = 1; count <= 8; count++) assert.deepEqual(await taken(items, count), all.slice(0, count));
  assert.deepEqual(await taken(items, undefined), all);
});

test("behind the limit nothing is read", async () => {
  let ended = false;
  const items = each([block("a", "b"), block("c")], () => (ended = true));
  const [cut] = await gather(limit(items, 1));
  assert.deepEqual([cut!.count, lines(cut!), ended], [1, ["a"], true]);
});

test("lines are gathered into blocks of about 64 KiB", async () => {
  const line = `${"x".repeat(999)}\n`;
  const blocks = await gather(toBlocks(each(Array.from({ length: 100 }, () => line))));
  assert.deepEqual(
    blocks.map(({ count }) => count),
    [66, 34],
  );
  assert.equal(
    blocks.reduce((sum, { bytes }) => sum + bytes.length, 0),
    100_000,
  );
});

test("what cannot be read is a problem (3), a bug is thrown", async () => {
  const problems: { readonly code: string; readonly exit: number }[] = [];
  const log = { problem: (error: (typeof problems)[number]) => void problems.push(error) };
  async function* failing(error: Error): AsyncGenerator<string> {
    yield "a";
    throw error;
  }
  const found = await gather(untilUnreadable(failing(placeError("E_CORRUPT", "it is damaged")), log));
  assert.deepEqual(found, ["a"]);
  assert.deepEqual(
    problems.map(({ code, exit }) => [code, exit]),
    [["E_CORRUPT", 3]],
  );
  await assert.rejects(gather(untilUnreadable(failing(new TypeError("no")), log)), TypeError);
});
