// Python's values: time stamps and JSON, exact.
import assert from "node:assert/strict";
import { test } from "node:test";
import { contentOf, pythonJson } from "../../../lib/sources/agdd/python-json.ts";
import { exactJson } from "../../../lib/sources/exact-json.ts";
import { fromUnix, isUsual, millis, utc } from "../../../lib/sources/agdd/time.ts";

test("stamps of any offset become UTC, and keep their digits", () => {
  assert.equal(utc("2026-10-03T00:00:00+00:00"), "2026-10-03T00:00:00Z");
  assert.equal(utc("2026-10-03T00:00:00.123456+00:00"), "2026-10-03T00:00:00.123456Z");
  assert.equal(utc("2026-10-02T23:30:00-05:00"), "2026-10-03T04:30:00Z");
  assert.equal(utc("2026-10-02T23:30:00.5Z"), "2026-10-02T23:30:00.5Z");
  assert.equal(utc("2026-10-02 23:30:00"), "2026-10-02T23:30:00Z", "one without an offset is taken for UTC");
  for (const bad of ["", "yesterday", "2026-02-31T00:00:00-01:00", "2026-10-02T25:00:00-01:00"]) {
    assert.equal(utc(bad), bad);
    assert.equal(millis(bad), undefined);
  }
  assert.equal(millis("2026-02-31T00:00:00+00:00"), undefined);
  assert.ok(millis("2026-10-02T23:30:00-05:00")! > millis("2026-10-03T00:00:00+00:00")!);
  assert.ok(isUsual("2026-10-03T00:00:00+00:00") && !isUsual("2026-10-03T00:00:00Z"));
});

test("Unix seconds become what Python's datetime makes of them", () => {
  assert.equal(fromUnix(1794505501.0291114), "2026-11-12T17:45:01.029111Z");
  assert.equal(fromUnix(0.9999999), "1970-01-01T00:00:01.000000Z");
  assert.equal(fromUnix(-0.5), "1969-12-31T23:59:59.500000Z");
  assert.equal(fromUnix(1e300), "1e+300");
});

test("numbers of a payload pass unchanged, bare NaN is text", () => {
  const payload = '{"big": 9007199254740993, "small": 1e-07, "zero": -0.0, "one": 1.0}';
  assert.equal(contentOf(payload), payload);
  assert.equal(JSON.stringify(exactJson(payload)), payload.replaceAll(": ", ":").replaceAll(", ", ","));
  assert.equal(contentOf('{"x": NaN}'), JSON.stringify('{"x": NaN}'));
  assert.equal(contentOf('{\n"x":\r\n1}'), '{ "x": 1}');
});

test("what Python's json.loads takes is read, strings untouched", () => {
  assert.deepEqual(pythonJson('{"a": NaN, "b": -Infinity, "c": "NaN \\" Infinity"}'), {
    a: null,
    b: null,
    c: 'NaN " Infinity',
  });
  assert.equal(pythonJson('{"a": 1'), undefined);
});
