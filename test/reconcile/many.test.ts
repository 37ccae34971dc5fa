// Checks that two threads share say what one would.
import assert from "node:assert/strict";
import { closeSync, openSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { madeHome } from "../support/homes.ts";
import { ofKind, reconcile } from "./bent.ts";

test("many sessions, shared between two threads: each damaged one is found, in order, and no other", async (t) => {
  const { home, ids } = madeHome(t, { sessions: 90, events: 12, days: 9 });
  const damaged = ids.toSorted().filter((_, at) => at % 7 === 3);
  for (const [at, id] of damaged.entries()) {
    // The header of the schema's page, or of the last page.
    const file = join(home, "sessions", id, "events.db");
    writeAt(file, at % 2 === 0 ? 100 : statSync(file).size - 4096, Buffer.alloc(8, 0xee));
  }
  for (const level of ["full", "deep"]) {
    const found = ofKind(await reconcile(["check", "--level", level], home), "finding")
      .filter(({ severity }) => severity === "error")
      .map(({ id }) => id);
    assert.deepEqual(found, damaged);
  }
});

function writeAt(file: string, at: number, bytes: Buffer): void {
  const fd = openSync(file, "r+");
  try {
    writeSync(fd, bytes, 0, bytes.length, at);
  } finally {
    closeSync(fd);
  }
}
