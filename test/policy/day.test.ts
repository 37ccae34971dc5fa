// Days of a time zone: where midnight lies, and what is no stamp.
import assert from "node:assert/strict";
import { test } from "node:test";
import { daysIn, parseTimeZone } from "../../lib/policy/day.ts";

test("a stamp belongs to the day of its zone", () => {
  assert.equal(daysIn("UTC")("2026-11-21T23:30:00.123456789Z"), "2026-11-21");
  assert.equal(daysIn("Europe/Berlin")("2026-11-21T23:30:00.123456789Z"), "2026-11-22");
  assert.equal(daysIn("America/New_York")("2026-11-21T04:59:59Z"), "2026-11-20");
  assert.equal(daysIn("Asia/Kathmandu")("2026-11-21T18:14:59Z"), "2026-11-21");
  assert.equal(daysIn("Asia/Kathmandu")("2026-11-21T18:15:00Z"), "2026-11-22");
});

test("days follow daylight saving", () => {
  const day = daysIn("Europe/Berlin");
  assert.equal(day("2026-10-24T22:00:00Z"), "2026-10-25");
  assert.equal(day("2026-10-25T22:30:00Z"), "2026-10-25");
  assert.equal(day("2026-10-25T23:00:00Z"), "2026-10-26");
});

test("what is no stamp has no day, and what is no zone is told", () => {
  for (const zone of ["UTC", "Europe/Berlin"]) assert.equal(daysIn(zone)("yesterday"), null);
  assert.throws(() => parseTimeZone("Middle/Earth"), { code: "E_USAGE" });
});
