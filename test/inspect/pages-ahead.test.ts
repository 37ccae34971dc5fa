// A long session, of which a second thread makes every other page: the same bytes as one thread alone.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { tool } from "../../bin/agh-inspect.ts";
import { madeHome } from "../support/homes.ts";
import { runHere } from "../support/memory.ts";
import { run } from "../support/run.ts";

const ROWS = 40_000;

test("two threads print what one prints: odd rows, gaps and filters included", async (t) => {
  const { home, ids } = madeHome(t, { sessions: 1, events: ROWS });
  const id = ids[0]!;
  const db = new DatabaseSync(join(home, "sessions", id, "events.db"));
  db.exec(`PRAGMA journal_mode=DELETE;
    UPDATE events SET content = 'no json' WHERE sequence % 7001 = 0;
    UPDATE events SET content = x'00ff' WHERE sequence IN (20000, 20600);
    UPDATE events SET content = '{"a":1,' || char(10) || '"b":2}' WHERE sequence IN (30100, 30700);
    DELETE FROM events WHERE sequence BETWEEN 25000 AND 27500;
    UPDATE events SET sequence = sequence + 9000000000 WHERE sequence > 35000`);
  db.close();
  for (const argv of [[], ["--type", "tool_call"], ["--after-seq", "777"]]) {
    // In memory nothing gives way to the event loop, so that the second thread is never heard.
    const alone = await runHere(tool, ["events", id, ...argv, "--home", home]);
    const both = await run("inspect", ["events", id, ...argv, "--home", home]);
    assert.equal(both.code, 0, both.stderr);
    assert.ok(both.stdout === alone.stdout, `${argv.join(" ")}: ${both.stdout.length} and ${alone.stdout.length}`);
    if (argv.length > 0) continue;
    const sequences = alone.records.map(({ sequence }) => Number(sequence));
    assert.equal(sequences.length, ROWS - 2501);
    assert.deepEqual(
      sequences,
      sequences.toSorted((a, b) => a - b),
    );
  }
});

test("a reader that goes away ends it at once and quietly", (t) => {
  const { home, ids } = madeHome(t, { sessions: 1, events: ROWS });
  const face = join(import.meta.dirname, "../../bin/agh-inspect.ts");
  const command = `"${process.execPath}" "${face}" events ${ids[0]!} --home "${home}" | head -30000 | wc -l; echo "\${PIPESTATUS[0]}"`;
  assert.equal(execFileSync("bash", ["-c", command], { encoding: "utf8", stdio: "pipe" }), "30000\n0\n");
});
