// Checks that two threads share say what one would.
import assert from "node:assert/strict";
import { closeSync, openSync, statSync, writeSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { test, type TestContext } from "node:test";
import { startIntegrityPrefetcher } from "../../lib/sources/agh/checks/integrity-prefetcher.ts";
import { madeHome } from "../support/homes.ts";
import { ofKind, reconcile } from "./run-reconcile.ts";

interface Damaged {
  readonly home: string;
  /** Of all sessions, in order; the last is sound. */
  readonly ids: readonly string[];
  readonly damaged: readonly string[];
}

function damagedHome(t: TestContext): Damaged {
  const { home, ids } = madeHome(t, { sessions: 90, events: 12, days: 9 });
  const sorted = ids.toSorted();
  const damaged = sorted.filter((_, at) => at % 7 === 3);
  for (const [at, id] of damaged.entries()) {
    // The header of the schema's page, or of the last page.
    const file = join(home, "sessions", id, "events.db");
    writeAt(file, at % 2 === 0 ? 100 : statSync(file).size - 4096, Buffer.alloc(8, 0xee));
  }
  return { home, ids: sorted, damaged };
}

test("many sessions: each damaged one is found, in order, and no other", async (t) => {
  const { home, damaged } = damagedHome(t);
  for (const level of ["full", "deep"]) {
    const found = ofKind(await reconcile(["check", "--level", level], home), "finding")
      .filter(({ severity }) => severity === "error")
      .map(({ id }) => id);
    assert.deepEqual(found, damaged);
  }
});

test("the second thread vouches for what is sound, and for nothing else", async (t) => {
  if (availableParallelism() < 2) return t.skip("one processor: there is no second thread");
  const { home, ids, damaged } = damagedHome(t);
  const dirs = ids.map((id) => join(home, "sessions", id));
  const sound = ids.filter((id) => !damaged.includes(id));
  let vouched: string[] = [];
  // It takes what nobody has asked for yet: given time, all.
  for (let ms = 250; ms < 20_000 && vouched.length < sound.length; ms *= 2) {
    await using ahead = startIntegrityPrefetcher(dirs, "full", { env: { TMPDIR: dirname(home) } });
    await sleep(ms);
    vouched = [];
    for (const [at, id] of ids.entries()) if (await ahead.isSound(at)) vouched.push(id);
  }
  assert.deepEqual(vouched, sound);
});

function writeAt(file: string, at: number, bytes: Buffer): void {
  const fd = openSync(file, "r+");
  try {
    writeSync(fd, bytes, 0, bytes.length, at);
  } finally {
    closeSync(fd);
  }
}
