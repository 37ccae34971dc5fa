// Schedules: refused clearly, due when systemd says so too, and carried whole into a crontab or a unit.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { crontabLine } from "../../lib/policy/crontab.ts";
import { parseSchedule } from "../../lib/policy/schedule.ts";
import { onCalendar, systemdUnits } from "../../lib/policy/systemd.ts";
import { ToolError } from "../../lib/records/error.ts";
import { tempDir } from "../support/temp.ts";

const AWKWARD = [
  "/bin/echo",
  "50%",
  "a b",
  "it's",
  '"q"',
  "$HOME",
  "${X}",
  "back\\slash",
  "%h",
  "*",
  ";",
  "é",
  "",
  "-n",
];
const missing = spawnSync("systemd-analyze", ["--version"]).status === 0 ? false : "systemd-analyze is not installed";

const isUsage = (error: unknown): boolean => error instanceof ToolError && error.exit === 2;
const next = async (text: string, after: string, zone?: string): Promise<string> =>
  (await parseSchedule(text, zone)).next(new Date(after)).toISOString();

test("what is no cron expression is a usage error with a hint", async () => {
  const wrongs = ["", "* * * *", "* * * * * *", "61 * * * *", "* 24 * * *", "a b c d e", "*/0 * * * *", "5-1 * * * *"];
  const neverCome = ["0 0 31 2 *", "0 0 30,31 feb *", "0 0 31 4,6,9,11 *"];
  for (const wrong of [...wrongs, ...neverCome, "0 0 0 * *", "0 0 ? * *", "0 0 L * *", "@reboot", "@secondly"]) {
    await assert.rejects(
      parseSchedule(wrong),
      (error) => isUsage(error) && /five fields/.test((error as ToolError).hint!),
      wrong,
    );
  }
});

test("what is no time zone is a usage error", async () => {
  for (const wrong of ["Mars/Olympus", "", "Europe"])
    await assert.rejects(parseSchedule("@daily", wrong), isUsage, wrong);
});

test("the next time is after, never at, the one given", async () => {
  assert.equal(await next("*/5 * * * *", "2026-10-24T12:04:59.999Z", "UTC"), "2026-10-24T12:05:00.000Z");
  assert.equal(await next("*/5 * * * *", "2026-10-24T12:05:00Z", "UTC"), "2026-10-24T12:10:00.000Z");
  assert.equal(await next("0 0 29 2 *", "2026-10-24T12:05:00Z", "UTC"), "2028-02-29T00:00:00.000Z");
  assert.equal(await next("0 0 1 * mon", "2026-11-21T00:00:00Z", "UTC"), "2026-11-23T00:00:00.000Z");
});

test("an hour that spring leaves out does not lose a run, one that autumn repeats does not double it", async () => {
  assert.equal(await next("30 2 * * *", "2026-03-28T12:00:00Z", "Europe/Berlin"), "2026-03-29T01:00:00.000Z");
  assert.equal(await next("30 2 * * *", "2026-03-29T01:00:00Z", "Europe/Berlin"), "2026-03-30T00:30:00.000Z");
  assert.equal(await next("30 2 * * *", "2026-10-24T12:00:00Z", "Europe/Berlin"), "2026-10-25T00:30:00.000Z");
  assert.equal(await next("30 2 * * *", "2026-10-25T00:30:00Z", "Europe/Berlin"), "2026-10-26T01:30:00.000Z");
});

const HOURS = ["* * * * *", "*/5 * * * *", "7 * * * *", "30 2 * * *", "0 */6 * * *", "0,10,25 3 * * *", "0-58 0 * * *"];
const DAYS = ["15 4 1 * *", "0 0 1,15 * 1", "0 0 */2 * 1", "0 0 29 2 *", "0 0 31 * *", "0 0 1-30 * *", "0 22 */10 * *"];
const WEEKS = [
  "0 9-17 * * mon-fri",
  "0 12 * jan,jul sun",
  "0 0 * * 7",
  "0 0 * * 5-7",
  "0 0 * * */3",
  "@weekly",
  "@yearly",
];
const EXPRESSIONS = [...HOURS, ...DAYS, ...WEEKS, "5/20 1 * * *"];

test("systemd's calendar comes when cron's does", { skip: missing }, async () => {
  for (const zone of ["UTC", "America/New_York"]) {
    for (const text of EXPRESSIONS) {
      const schedule = await parseSchedule(text, zone);
      const calendars = onCalendar(schedule);
      const run = spawnSync(
        "systemd-analyze",
        ["calendar", "--iterations=2", "--base-time=2026-11-21 11:31:00 UTC", ...calendars],
        { encoding: "utf8", env: { ...process.env, TZ: "UTC", LC_ALL: "C" } },
      );
      assert.equal(run.status, 0, `${text}: ${run.stderr}`);
      const theirs = [...run.stdout.matchAll(/(?:Next elapse|Iter\. #\d|Iteration #\d): \w+ (\S+ \S+) UTC/g)]
        .map(([, time]) => time!.replace(" ", "T"))
        .sort();
      const ours: string[] = [];
      for (let after = new Date("2026-11-21T11:31:00Z"); ours.length < 2;) {
        after = schedule.next(after);
        ours.push(after.toISOString().slice(0, 19));
      }
      assert.deepEqual([...new Set(theirs)].slice(0, 2), ours, `${text} in ${zone}: ${calendars.join(" | ")}`);
    }
  }
});

test("systemd finds nothing wrong in the units", { skip: missing }, async (t) => {
  const dir = tempDir(t);
  for (const [n, text] of EXPRESSIONS.entries()) {
    const { service, timer } = systemdUnits(await parseSchedule(text, "Europe/Berlin"), AWKWARD, "50% of a backup");
    writeFileSync(join(dir, `backup-${n}.service`), service);
    writeFileSync(join(dir, `backup-${n}.timer`), timer);
  }
  const timers = EXPRESSIONS.map((_, n) => join(dir, `backup-${n}.timer`));
  const { status, stderr } = spawnSync("systemd-analyze", ["verify", "--man=no", ...timers], { encoding: "utf8" });
  assert.deepEqual([status, stderr.split("\n").filter((line) => line.includes("backup-"))], [0, []]);
});

test("systemd's units say when, what, and that missed runs are caught up", async () => {
  const { service, timer } = systemdUnits(
    await parseSchedule("30 2 * * mon", "UTC"),
    ["/bin/x", "50%", "$a b"],
    "backup",
  );
  assert.match(timer, /^OnCalendar=Mon \*-\*-\* 02:30:00 UTC$/m);
  assert.match(timer, /^Persistent=true$/m);
  assert.match(service, /^ExecStart=\/bin\/x 50%% "\$\$a b"$/m);
});

test("a crontab line hands every word to the command as it was", async () => {
  const line = crontabLine(await parseSchedule("*/5 * * * *"), ["/usr/bin/printf", "%s\\0", ...AWKWARD]);
  assert.ok(line.startsWith("*/5 * * * * /usr/bin/printf "));
  const command = line.split(" ").slice(5).join(" ").trimEnd();
  assert.ok(!/(?<!\\)%/.test(command), "cron would cut it here");
  const { stdout } = spawnSync("/bin/sh", ["-c", command.replaceAll("\\%", "%")], { encoding: "utf8" });
  assert.deepEqual(stdout.split("\0").slice(0, -1), AWKWARD);
});

test("a crontab line says days so that cron takes either of day and weekday", async () => {
  const fields = async (text: string): Promise<string> =>
    crontabLine(await parseSchedule(text), ["/bin/x"]).replace(" /bin/x\n", "");
  assert.equal(await fields("0 0 */2 * mon"), "0 0 1-31/2 * 1");
  assert.equal(await fields("@weekly"), "0 0 * * 0");
  assert.equal(await fields("0 9-17 * jan,feb,mar 5-7"), "0 9-17 * 1-3 0,5-6");
});

test("a crontab is refused what it cannot carry", async () => {
  const daily = await parseSchedule("@daily");
  assert.throws(() => crontabLine(daily, ["/bin/x", "a\nb"]), isUsage);
  assert.throws(() => crontabLine(daily, ["x"]), isUsage);
  assert.throws(() => crontabLine(daily, []), isUsage);
  const zoned = await parseSchedule("@daily", "Europe/Berlin");
  assert.throws(() => crontabLine(zoned, ["/bin/x"]), isUsage);
});
