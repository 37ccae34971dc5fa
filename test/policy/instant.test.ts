// Times, spans and sizes as people type them.
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseDuration, parseInstant, parseSize, parseWholeNumber } from "../../lib/policy/parse-quantities.ts";

test("points in time", () => {
  for (const [text, iso] of [
    ["2026-11-20", "2026-11-20T00:00:00.000Z"],
    ["2026-11-20 18:00", "2026-11-20T18:00:00.000Z"],
    ["2026-11-20T18:00:00.123456789Z", "2026-11-20T18:00:00.123Z"],
    ["2026-11-20T18:00:00+02:00", "2026-11-20T16:00:00.000Z"],
    ["2024-02-29", "2024-02-29T00:00:00.000Z"],
  ])
    assert.equal(parseInstant(text!).toISOString(), iso);
  for (const text of [
    "yesterday",
    "2026-13-01",
    "2026-02-31",
    "2026-02-31T00:00:00Z",
    "20261120",
    "2026-11-20T25:00Z",
    "",
  ]) {
    assert.throws(() => parseInstant(text), /not a point in time/, text);
  }
});

test("spans", () => {
  assert.deepEqual(
    ["30d", "36h", "90s", "1h30m", "1.5h", "250ms", "2w"].map(parseDuration),
    [2592e6, 1296e5, 9e4, 54e5, 54e5, 250, 12096e5],
  );
  for (const text of ["", "30", "d", "-1d", "30 d", "1y", "1h30", "h1"])
    assert.throws(() => parseDuration(text), /not a duration/, text);
});

test("sizes", () => {
  assert.deepEqual(["4096", "5G", "500M", "1.5GiB", "10kb"].map(parseSize), [
    4096,
    5 * 2 ** 30,
    500 * 2 ** 20,
    1.5 * 2 ** 30,
    10240,
  ]);
  for (const text of ["", "5X", "-5G", "G"]) assert.throws(() => parseSize(text), /not a size/, text);
});

test("whole numbers", () => {
  assert.equal(parseWholeNumber(1)("42"), 42);
  for (const text of ["0", "-1", "1e3", "1.0", " 1", "9007199254740993"])
    assert.throws(() => parseWholeNumber(1)(text), /whole number/, text);
});
