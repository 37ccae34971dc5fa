// Retention: a year of backups replayed, and everything a wrong clock can do to them.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import {
  computeRetention,
  findFloors,
  type Policy,
  type Retained,
  type RetentionVerdict,
} from "../../lib/policy/retention.ts";
import { ToolError } from "../../lib/records/error.ts";

const HOUR = 3_600_000;
const POLICY: Policy = { last: 3, hourly: 24, daily: 7, weekly: 5, monthly: 12, yearly: 3 };

const at = (moment: number | string, more: Partial<Retained> = {}): Retained => {
  const time = new Date(moment).toISOString();
  return { id: `id-${time}`, time, homeId: "home", tags: [], ...more };
};

const kept = (snapshots: readonly Retained[], policy: Policy, now: string, zone?: string): string[] =>
  computeRetention(snapshots, policy, { now: new Date(now), zone })
    .filter(({ keep }) => keep)
    .map(({ snapshot }) => snapshot.time);

/** A year of hourly backups with a prune after each, by a clock of our own. */
function replay(zone: string): { readonly left: Retained[]; readonly lines: string[]; readonly all: Retained[] } {
  const all: Retained[] = [];
  let left: Retained[] = [];
  const prune = (now: Date) => computeRetention(left, POLICY, { now, zone });
  for (let moment = Date.parse("2025-11-21T00:07:00Z"); moment <= Date.parse("2026-11-21T00:07:00Z"); moment += HOUR) {
    all.push(at(moment));
    left.push(all.at(-1)!);
    left = prune(new Date(moment))
      .filter(({ keep }) => keep)
      .map(({ snapshot }) => snapshot);
  }
  const lines = prune(new Date("2026-11-21T00:07:00Z")).map(({ snapshot, reasons }) =>
    [snapshot.time, ...reasons].join(" | "),
  );
  return { left, lines, all };
}

for (const [zone, name] of [
  ["Europe/Berlin", "year-hourly-berlin.txt"],
  ["UTC", "year-hourly-utc.txt"],
] as const) {
  test(`a year of hourly backups, pruned after each, leaves exactly what the policy says (${zone})`, () => {
    const { left, lines, all } = replay(zone);
    assert.equal(all.length, 8761);
    const golden = readFileSync(join(import.meta.dirname, "golden", name), "utf8");
    assert.deepEqual(lines, golden.trimEnd().split("\n"));
    assert.deepEqual(
      left.map(({ time }) => time),
      kept(all, POLICY, "2026-11-21T00:07:00Z", zone),
      "one prune at the end keeps the same",
    );
  });
}

test("the hour that autumn repeats is two hours, the one that spring leaves out is none", () => {
  const autumn = ["2026-10-24T23:30Z", "2026-10-25T00:30Z", "2026-10-25T01:30Z", "2026-10-25T02:30Z"].map((t) => at(t));
  assert.equal(kept(autumn, { hourly: 4 }, "2026-10-26", "Europe/Berlin").length, 4);
  const spring = ["2026-03-29T00:30Z", "2026-03-29T01:30Z", "2026-03-29T02:30Z"].map((t) => at(t));
  assert.deepEqual(
    computeRetention(spring, { hourly: 3 }, { now: new Date("2026-03-30"), zone: "Europe/Berlin" }).map(
      (v) => v.reasons[0],
    ),
    ["hourly 2026-03-29T01+01:00", "hourly 2026-03-29T03+02:00", "hourly 2026-03-29T04+02:00"],
  );
});

test("a day is the day of the zone, also where the zone skipped one", () => {
  const stamps = ["2026-11-20T22:30Z", "2026-11-20T23:30Z"].map((t) => at(t));
  assert.equal(kept(stamps, { daily: 2 }, "2026-11-21T12:00Z", "UTC").length, 1);
  assert.equal(kept(stamps, { daily: 2 }, "2026-11-21T12:00Z", "Europe/Berlin").length, 2);
  const samoa = ["2011-12-30T09:30Z", "2011-12-30T10:30Z"].map((t) => at(t));
  assert.deepEqual(
    computeRetention(samoa, { daily: 2 }, { now: new Date("2012-01-02"), zone: "Pacific/Apia" }).map(
      (v) => v.reasons[0],
    ),
    ["daily 2011-12-29", "daily 2011-12-31"],
  );
});

test("weeks are ISO weeks, across the end of a year too", () => {
  const reasons = [
    "2024-12-29T12:00Z",
    "2024-12-30T12:00Z",
    "2026-12-31T12:00Z",
    "2027-01-03T12:00Z",
    "2027-01-04T12:00Z",
  ];
  assert.deepEqual(
    computeRetention(
      reasons.map((t) => at(t)),
      { weekly: 9 },
      { now: new Date("2027-02-01") },
    ).map((v) => v.reasons[0]),
    ["weekly 2024-W52", "weekly 2025-W01", "no rule keeps it", "weekly 2026-W53", "weekly 2027-W01"],
  );
});

test("what comes from the future is kept, and takes no place of what does not", () => {
  const stamps = ["2026-11-01", "2026-11-02", "9999-12-31T23:59:59Z", "+010000-01-01T00:00:00Z"].map((t) => at(t));
  const verdicts = computeRetention(stamps, { last: 1, daily: 1, yearly: 1 }, { now: new Date("2026-11-03") });
  assert.deepEqual(
    verdicts.map(({ keep }) => keep),
    [false, true, true, true],
  );
  assert.deepEqual(verdicts[2]!.reasons, ["from the future"]);
});

test("a clock set back removes nothing that a right clock would have kept", () => {
  const stamps = ["2026-11-01", "2026-11-02", "2026-11-03"].map((t) => at(t));
  assert.deepEqual(
    kept(stamps, { last: 1 }, "1970-01-01"),
    ["2026-11-01", "2026-11-02", "2026-11-03"].map((t) => at(t).time),
  );
  assert.equal(kept(stamps, { within: 90 * 24 * HOUR }, "2099-01-01").length, 3, "a clock that runs ahead");
});

test("a snapshot that a set-back clock has stamped older than its parent is kept", () => {
  const parent = at("2026-11-20T10:00Z");
  const child = at("1999-01-01", { parent: parent.id });
  const next = at("2026-11-20T12:00Z", { parent: parent.id });
  const [, verdict] = computeRetention([parent, child, next], { last: 1 }, { now: new Date("2026-11-21") });
  assert.deepEqual(verdict!.reasons, ["older than its parent: a clock was set back"]);
});

test("a parent from the future does not keep all that come after it", () => {
  const parent = at("2077-01-01");
  const later = ["2026-11-18", "2026-11-19", "2026-11-20"].map((t) => at(t, { parent: parent.id }));
  assert.equal(kept([parent, ...later], { last: 1 }, "2026-11-21").length, 2);
});

test("a stamp that is none is kept", () => {
  const unreadable = { ...at("2026-11-20"), id: "odd", time: "soon" };
  assert.deepEqual(computeRetention([unreadable], { last: 1 }, { now: new Date("2026-11-21") })[0]!.reasons, [
    "its time cannot be read",
    "newest unproven snapshot of its home",
  ]);
});

test("homes are judged apart", () => {
  const stamps = ["2026-11-01", "2026-11-02"].flatMap((t) => [at(t), at(t, { homeId: "other", id: `other-${t}` })]);
  assert.equal(kept(stamps, { last: 1 }, "2026-11-03").length, 2);
});

const states = (verdicts: readonly RetentionVerdict<Retained>[]): (string | false)[] =>
  verdicts.map(({ keep, reasons }) => keep && reasons[0]!);

test("floors stay whatever the policy says: the newest good, unproven and complete one, and the newest of all", () => {
  const now = new Date("2026-11-09");
  const policy: Policy = { tags: ["none has it"] };
  const day = (number: number, more: Partial<Retained> = {}): Retained => at(`2026-11-0${number}`, more);
  const [good, bad, suspect] = (["good", "bad", "suspect"] as const).map((state) => ({ state }));
  const rows: [Retained[], (string | false)[]][] = [
    [
      [day(1), day(2)],
      [false, "newest unproven snapshot of its home"],
    ],
    [
      [day(1, good), day(2, good), day(3), day(4)],
      [false, "newest good snapshot of its home", false, "newest unproven snapshot of its home"],
    ],
    [
      [day(1), day(2, bad), day(3, suspect)],
      ["newest unproven snapshot of its home", false, "newest snapshot of its home"],
    ],
    [
      [day(1), day(2, good)],
      ["newest unproven snapshot of its home", "newest good snapshot of its home"],
    ],
    [
      [day(1, bad), day(2, suspect)],
      [false, "newest snapshot of its home"],
    ],
    [
      [day(1), day(2, { complete: false }), day(3, { complete: false })],
      ["newest complete snapshot of its home", false, "newest unproven snapshot of its home"],
    ],
    [
      [day(1, good), day(2, { ...good, complete: false })],
      ["newest complete snapshot of its home", "newest good snapshot of its home"],
    ],
    [
      [day(1, good), day(2), day(3, { state: "suspect", complete: false })],
      ["newest good snapshot of its home", "newest unproven snapshot of its home", "newest snapshot of its home"],
    ],
    [
      [day(1, good), day(2, { time: "2027-01-01T00:00:00Z" })],
      ["newest good snapshot of its home", "from the future"],
    ],
    [
      [day(1, { time: "soon" }), day(2, { time: "soon", ...bad })],
      ["its time cannot be read", "its time cannot be read"],
    ],
  ];
  for (const [snapshots, expected] of rows) {
    assert.deepEqual(states(computeRetention(snapshots, policy, { now })), expected, JSON.stringify(snapshots));
    const floors = [...findFloors(snapshots, now).keys()];
    const expectedFloors = snapshots.filter((_, index) => String(expected[index]).startsWith("newest"));
    assert.ok(
      expectedFloors.every((each) => floors.includes(each)),
      JSON.stringify(floors),
    );
  }
});

test("suspect, bad and incomplete snapshots take no place of trusted ones; they are kept by the policy apart", () => {
  const now = new Date("2026-12-01");
  for (const more of [{ state: "suspect" }, { state: "bad" }, { complete: false }] as const) {
    const trusted = Array.from({ length: 9 }, (_, day) => at(Date.UTC(2026, 10, 1 + day, 8)));
    const others = Array.from({ length: 15 }, (_, day) => at(Date.UTC(2026, 10, 5 + day, 20), more));
    for (const policy of [
      { last: 3 },
      { hourly: 5 },
      { daily: 4 },
      { weekly: 2 },
      { monthly: 1 },
      { yearly: 1 },
      { within: 48 * HOUR },
      { last: 1, daily: 7, weekly: 2 },
    ] satisfies Policy[]) {
      const both = kept([...trusted, ...others], policy, now.toISOString());
      const alone = kept(trusted, policy, now.toISOString());
      assert.deepEqual(
        both.filter((time) => trusted.some((each) => each.time === time)),
        alone,
        JSON.stringify([more, policy]),
      );
      assert.deepEqual(
        both.filter((time) => others.some((each) => each.time === time)),
        kept(others, policy, now.toISOString()),
      );
    }
  }
});

test("a year of nights, destroyed in March, pruned every night: the last good state is there in December", () => {
  const policies: readonly Policy[] = [
    { last: 1 },
    { last: 7 },
    { daily: 7 },
    { daily: 7, weekly: 5, monthly: 12 },
    { within: 14 * 24 * HOUR },
    { yearly: 1 },
    { hourly: 24, daily: 3 },
    { tags: ["none has it"] },
  ];
  const destroyed = Date.UTC(2026, 2, 14);
  for (const policy of policies) {
    for (const drillEvery of [1, 7, 400]) {
      let left: Retained[] = [];
      let night = 0;
      for (let moment = Date.UTC(2025, 11, 31, 2, 30); moment < Date.UTC(2026, 11, 1); moment += 24 * HOUR, night++) {
        const isLost = moment >= destroyed;
        const isDrilled = night % drillEvery === 0;
        // Of what is lost create says so, and a drill of it fails.
        left.push(at(moment, { state: isLost ? (isDrilled ? "bad" : "suspect") : isDrilled ? "good" : "unproven" }));
        left = computeRetention(left, policy, { now: new Date(moment) })
          .filter(({ keep }) => keep)
          .map(({ snapshot }) => snapshot);
      }
      const times = left.map(({ time }) => time);
      assert.ok(times.includes("2026-03-13T02:30:00.000Z"), `${JSON.stringify(policy)}: ${times.join(" ")}`);
      assert.ok(left.length <= 80, `${left.length}`);
    }
  }
});

test("tags and spans keep", () => {
  const stamps = [
    at("2026-01-01", { tags: ["release"] }),
    at("2026-11-01"),
    at("2026-11-02T00:00Z"),
    at("2026-11-03T00:00Z"),
  ];
  const verdicts = computeRetention(stamps, { within: 24 * HOUR, tags: ["release"] }, { now: new Date("2026-12-01") });
  assert.deepEqual(
    verdicts.map(({ reasons }) => reasons[0]),
    ["tag release", "no rule keeps it", "within", "within"],
  );
});

test("a policy that keeps nothing is refused", () => {
  for (const policy of [{}, { tags: [] }, { last: 0 }, { daily: 7, weekly: 0 }, { within: 0 }, { last: Number.NaN }]) {
    assert.throws(
      () => computeRetention([at("2026-11-01")], policy, { now: new Date() }),
      (error) => error instanceof ToolError && error.exit === 2,
      JSON.stringify(policy),
    );
  }
});

test("an unknown zone is refused", () => {
  assert.throws(
    () => computeRetention([], { last: 1 }, { now: new Date(), zone: "Mars/Olympus" }),
    (error) => error instanceof ToolError && error.exit === 2,
  );
});
