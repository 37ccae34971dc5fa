// R13: AGDD's parsers survive garbage: no crash, no hang.
import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { allCosts, costFiles } from "../../../lib/sources/agdd/costs/costs.ts";
import { parseDotenv } from "../../../lib/sources/agdd/home/dotenv.ts";
import { readLegacy } from "../../../lib/sources/agdd/sessions/legacy-runs.ts";
import { contentOf, pythonJson } from "../../../lib/sources/agdd/python-json.ts";
import { fromUnix, millis, utc } from "../../../lib/sources/agdd/time.ts";
import { strength } from "../../support/strength.ts";
import { tempDir } from "../../support/temp.ts";

const SEEDS = [
  '{"run_id": "mag-1", "event": "start", "timestamp": 1794505501.02, "data": {"parent_run_id": "x"}, "span_id": null}\n',
  '{"cost_usd": [{"run_id": "a", "value": 1, "timestamp": 2.5}]}',
  '{"timestamp": "2026-09-25T09:15:00.847958+00:00", "model": "m", "cost_usd": 0.1, "metadata": {"provider": "p"}}\n',
  "export AGDD_STORAGE_DB_PATH='a b' # c\nX=${Y:-z}\n",
  "2026-10-02T23:30:00.123456-05:00",
  '{"__proto__": {"x": NaN}, "constructor": [[[[]]]], "": -0.0}',
];

function bent(text: string): string {
  const bytes = Buffer.from(text);
  for (let n = randomInt(1, 6); n > 0; n--) {
    const at = randomInt(bytes.length);
    if (randomInt(2) === 0) bytes[at] = randomInt(256);
    else bytes.copy(bytes, at, randomInt(bytes.length));
  }
  return bytes.subarray(0, randomInt(bytes.length + 1)).toString("utf8");
}

test("bent files are read or told, never more", (t) => {
  const root = tempDir(t);
  const dir = join(root, ".runs/agents/mag-1");
  mkdirSync(dir, { recursive: true });
  mkdirSync(join(root, ".runs/costs"));
  const deps = { env: {}, signal: new AbortController().signal };
  const rounds = 300 + 2000 * strength("fuzz seconds", 0);
  for (let round = 0; round < rounds; round++) {
    const text = bent(SEEDS[round % SEEDS.length]!.repeat(1 + (round % 3)));
    try {
      for (const name of ["logs.jsonl", "metrics.json", "summary.json"]) writeFileSync(join(dir, name), text);
      writeFileSync(join(root, ".runs/costs/costs.jsonl"), text);
      const run = readLegacy(root, "mag-1");
      assert.ok(run.lines >= 0 && run.torn >= 0);
      assert.ok([...allCosts(costFiles(root, deps))].every(({ timestamp }) => typeof timestamp === "string"));
      for (const { name, value } of parseDotenv(text)) assert.ok(typeof name === "string" && typeof value === "string");
      assert.doesNotThrow(() => JSON.parse(contentOf(text)));
      assert.ok([utc(text), fromUnix(Number(text))].every((one) => typeof one === "string"));
      assert.ok(millis(text) === undefined || Number.isFinite(millis(text)));
      pythonJson(text);
    } catch (error) {
      throw new Error(`round ${round}: ${JSON.stringify(text)}`, { cause: error });
    }
  }
  assert.equal(({} as { x?: unknown }).x, undefined);
  assert.ok(readFileSync(join(dir, "logs.jsonl")).length >= 0);
});

test("deep nesting and long lines do not break the readers", (t) => {
  const root = tempDir(t);
  const dir = join(root, ".runs/agents/mag-1");
  mkdirSync(dir, { recursive: true });
  const deep = `{"event": "log", "timestamp": 1.5, "data": ${"[".repeat(5000)}${"]".repeat(5000)}}`;
  writeFileSync(join(dir, "logs.jsonl"), `${deep}\n{"event": "x", "data": "${"y".repeat(3_000_000)}"}\n{"torn": `);
  const run = readLegacy(root, "mag-1");
  assert.equal(run.lines, 2);
  assert.equal(run.torn, 1);
  assert.match(run.problem!, /1 torn lines in logs\.jsonl/);
});
