// The wanted events of a ledger, found in the middle of it without reading all of it.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { eventsInLedger } from "../../../lib/sources/agh/ledger/event-range.ts";
import { findOffsetAfter } from "../../../lib/sources/agh/ledger/find-offset.ts";
import { openLedger } from "../../../lib/sources/ledger-file.ts";
import type { EventRange } from "../../../lib/sources/source.ts";
import { tempDir } from "../../support/temp.ts";

const EVENTS = 9000;
const HEAD = '{"type":"ledger_meta","version":1,"session_id":"sess-1","workspace_id":"ws_1"}\n';

/** Over 4 MB: every third line is long, one is longer than what is read at a time. */
function ledger(dir: string): string {
  const line = (sequence: number): string => {
    const text = "x".repeat(sequence === 5000 ? 300_000 : sequence % 3 === 0 ? 1200 : 7);
    const type = sequence % 10 === 0 ? "done" : "agent_message";
    return `{"type":"session_event","version":1,"session_id":"sess-1","sequence":${sequence},"event_id":"ev-${sequence}","turn_id":"turn-${sequence % 2}","event_type":"${type}","agent_name":"coder","content":{"text":"${text}"},"timestamp":"2026-10-01T00:00:00Z"}\n`;
  };
  const file = path.join(dir, "ledger.jsonl");
  fs.writeFileSync(file, HEAD + Array.from({ length: EVENTS }, (_, at) => line(at + 1)).join(""));
  return file;
}

test("after a sequence, of a type or turn, counted from the end: as a filter over all of it would say", (t) => {
  const file = ledger(tempDir(t));
  const sequences = (range: EventRange): number[] =>
    [...eventsInLedger({ path: file, home: "h", sessionId: "sess-1" }, range)].flatMap(({ bytes }) =>
      Buffer.from(bytes)
        .toString()
        .split("\n")
        .filter(Boolean)
        .map((line) => (JSON.parse(line) as { sequence: number }).sequence),
    );
  const all = Array.from({ length: EVENTS }, (_, at) => at + 1);
  assert.deepEqual(sequences({}), all);
  for (const after of [-1, 0, 1, 2500, 4999, 5000, 5001, 8999, 9000, 20_000]) {
    const beyond = all.filter((one) => one > after);
    assert.deepEqual(sequences({ afterSequence: after }), beyond, `after ${after}`);
    assert.deepEqual(sequences({ afterSequence: after, tail: 3 }), beyond.slice(-3), `after ${after}, tail`);
    const done = beyond.filter((one) => one % 10 === 0);
    assert.deepEqual(sequences({ afterSequence: after, types: ["done"] }), done, `after ${after}, done`);
    assert.deepEqual(sequences({ afterSequence: after, turns: ["turn-1"], types: ["done"] }), []);
  }
  assert.deepEqual(sequences({ tail: EVENTS * 2 }), all);
});

test("the place of a sequence is at or before it, and near", (t) => {
  using file = openLedger(ledger(tempDir(t)));
  for (const after of [1n, 3000n, 5000n, 8999n]) {
    const place = findOffsetAfter(file, after);
    const head = Buffer.alloc(200);
    const text = head.toString("latin1", 0, file.readAt(head, place));
    assert.ok(place === 0 || Number(/"sequence":(\d+)/.exec(text)?.[1]) <= Number(after), `${after}: ${text}`);
  }
  assert.ok(findOffsetAfter(file, 8999n) > file.size / 2);
});
