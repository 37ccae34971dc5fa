// What cron needs: metrics, pings, watch, schedule, cold copies, and a verify in the same run.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, rmSync, writeFileSync, mkdirSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { watch } from "../../lib/backup/create/watch.ts";
import type { Deps } from "../../lib/records/deps.ts";
import { placeError } from "../../lib/records/error.ts";
import { records, type AnyRecord } from "../../lib/records/record.ts";
import { madeHome, PROJECT } from "../support/homes.ts";
import { tempDir } from "../support/temp.ts";
import { bench } from "./tool.ts";

const small = (t: TestContext): string => madeHome(t, { sessions: 2, events: 5 }).home;

async function listener(t: TestContext, status = 200): Promise<{ url: string; heard: string[] }> {
  const heard: string[] = [];
  const server = createServer((request, response) => {
    heard.push(request.url!);
    response.writeHead(status).end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/uuid`, heard };
}

const metric = (text: string, name: string): string | undefined =>
  new RegExp(`^${name}\\{.*\\} (.*)$`, "m").exec(text)?.[1];

test("--metrics-file and --ping tell how it went, also when it fails", async (t) => {
  const repo = await bench(t);
  const home = small(t);
  const { url, heard } = await listener(t);
  const file = join(repo.dir, "agh.prom");
  await repo.create(home, "--metrics-file", file, "--ping", url);
  const text = readFileSync(file, "utf8");
  assert.equal(metric(text, "agh_run_exit_code"), "0");
  assert.ok(Number(metric(text, "agh_run_items")) > 2 && Number(metric(text, "agh_run_bytes")) > 0);
  assert.ok(Math.abs(Number(metric(text, "agh_run_timestamp_seconds")) - Date.now() / 1000) < 60);
  assert.deepEqual(heard, ["/uuid/start", "/uuid/0"]);
  rmSync(join(repo.repo, "repository.json"));
  assert.equal((await repo.run("create", "--home", home, "--metrics-file", file, "--ping", url)).code, 6);
  assert.equal(metric(readFileSync(file, "utf8"), "agh_run_exit_code"), "6");
  assert.deepEqual(heard.slice(2), ["/uuid/start", "/uuid/6"]);
});

test("verify, drill and prune tell how they went as well", async (t) => {
  const repo = await bench(t);
  await repo.create(small(t));
  const { url, heard } = await listener(t);
  const file = join(repo.dir, "agh.prom");
  const reportFlags = ["--metrics-file", file, "--ping", url];
  for (const argv of [["verify", "--all"], ["drill"], ["prune", "--keep-last", "1", "--apply"]]) {
    await repo.ok(...argv, ...reportFlags);
    const text = readFileSync(file, "utf8");
    assert.match(text, new RegExp(`^agh_run_exit_code\\{command="agh-backup ${argv[0]}"\\} 0$`, "m"));
  }
  const [pack] = execFileSync("find", [join(repo.repo, "packs"), "-type", "f"], { encoding: "utf8" }).split("\n");
  rmSync(pack!);
  assert.equal((await repo.run("verify", "--all", ...reportFlags)).code, 1);
  assert.equal(metric(readFileSync(file, "utf8"), "agh_run_exit_code"), "1");
  assert.deepEqual(heard.slice(-4), ["/uuid/start", "/uuid/0", "/uuid/start", "/uuid/1"]);
});

test("a ping that nobody hears changes nothing; its URL is not shown", async (t) => {
  const repo = await bench(t);
  const { url } = await listener(t, 500);
  for (const ping of [url, "http://127.0.0.1:1/secret"]) {
    const { stderr } = await repo.ok("create", "--home", small(t), "--ping", ping, "-v");
    assert.match(stderr, /the ping of 127\.0\.0\.1/);
    assert.doesNotMatch(stderr, /uuid|secret/);
  }
  for (const wrong of ["example.org", "ftp://x/", "https://me:pw@x/"]) {
    assert.equal((await repo.run("create", "--home", small(t), "--ping", wrong)).code, 2);
  }
});

test("metrics that cannot be written make the run partial (3), not failed", async (t) => {
  const repo = await bench(t);
  const ran = await repo.run("create", "--home", small(t), "--metrics-file", join(repo.dir, "none", "x.prom"));
  assert.deepEqual([ran.code, ran.records.at(-1)!["status"]], [3, "ok"]);
});

test("--verify: sound is 0; damage found in the same run is 1 and named", async (t) => {
  const repo = await bench(t);
  const home = small(t);
  assert.deepEqual(
    (await repo.ok("create", "--home", home, "--verify", "full")).records.map(({ kind }) => kind),
    ["snapshot", "summary"],
  );
  const [pack] = execFileSync("find", [join(repo.repo, "packs"), "-type", "f"], { encoding: "utf8" }).split("\n");
  execFileSync("chmod", ["u+w", pack!]);
  const bytes = readFileSync(pack!);
  bytes[bytes.length >> 1]! ^= 1;
  writeFileSync(pack!, bytes);
  writeFileSync(join(home, "new"), "x");
  const { code, records: found } = await repo.run("create", "--home", home, "--verify", "full");
  assert.equal(code, 1);
  assert.ok(found.some(({ kind, severity }) => kind === "finding" && severity === "error"));
});

test("cold: the daemon is kept out meanwhile; a running one refuses (4)", async (t) => {
  const repo = await bench(t);
  const home = small(t);
  assert.equal((await repo.create(home, "--consistency", "cold"))["consistency"], "cold");
  const holder = spawn("flock", ["-x", join(home, "daemon.lock"), "sh", "-c", "echo held; exec cat"], {
    stdio: ["pipe", "pipe", "ignore"],
  });
  const ended = once(holder, "close");
  await once(holder.stdout, "data");
  assert.equal((await repo.run("create", "--home", home, "--consistency", "cold")).code, 4);
  setTimeout(() => holder.stdin.end(), 300);
  await repo.ok("create", "--home", home, "--consistency", "cold", "--lock-timeout", "20s");
  await ended;
  assert.equal((await repo.run("create", "--home", home, "--lock-timeout", "1s")).code, 2);
});

/** Deps whose clock goes on by two seconds each time it is looked at: no machine is too slow for it. */
function slowly(abort: AbortController): Deps & { readonly pass: (ms: number) => void } {
  let at = Date.parse("2026-11-21T12:00:01Z");
  const log = { debug: () => undefined, info: () => undefined, problem: () => undefined };
  const pass = (ms: number): void => void (at += ms);
  const now = (): Date => (pass(2000), new Date(at));
  const isAlive = (): undefined => undefined;
  const progress = { update: () => undefined };
  return { pass, now, signal: abort.signal, log, progress, env: {}, platform: "linux", isAlive };
}

test("watch: runs when it is time, never two at once, says what it missed and what failed, ends with a summary", async (t) => {
  const repo = await bench(t);
  const abort = new AbortController();
  const deps = slowly(abort);
  const at: string[] = [];
  async function* run(): AsyncGenerator<AnyRecord> {
    at.push(deps.now().toISOString().slice(11, 16));
    if (at.length === 2) throw placeError("E_DISK", "the disk is gone");
    if (at.length === 3) deps.pass(210_000);
    yield { kind: "snapshot", id: String(at.length) };
    yield { kind: "summary", items: 1, failed: 0, bytes: 1, exit: 0 };
    if (at.length === 4) abort.abort();
  }
  const seen: AnyRecord[] = [];
  for await (const record of records(watch({ cron: "* * * * *", repo: repo.repo, tickMs: 5 }, run, deps)))
    seen.push(record);
  assert.deepEqual(at.slice(0, 3), ["12:01", "12:02", "12:03"]);
  assert.deepEqual(
    seen.map(({ kind, code, id }) => code ?? id ?? kind),
    ["1", "RUN_FAILED", "3", "RUN_MISSED", "4", "summary"],
  );
  assert.ok(Number((seen[3]!["evidence"] as { missed: number }).missed) >= 3);
  assert.deepEqual([seen.at(-1)!["exit"], seen.at(-1)!["bytes"]], [6, 3]);
});

const MINUTE = 60_000;
const YEAR = 365 * 24 * 60 * MINUTE;

/** By how much a clock goes on from look to look. */
const STEPS: { readonly [cron: string]: number } = {
  "* * * * *": 7000,
  "*/5 * * * *": 31_000,
  "@hourly": 7 * MINUTE,
  "@daily": 151 * MINUTE,
  "30 2 * * *": 151 * MINUTE,
};

/** What is done to the clock while a watch waits, or in one of its runs, and what it says of that. */
const CLOCKS: readonly {
  readonly name: string;
  readonly cron: string;
  readonly steps: readonly { readonly when: "waiting" | "running"; readonly by: number }[];
  readonly findings: readonly string[];
}[] = [
  { name: "right", cron: "* * * * *", steps: [], findings: [] },
  ...(["waiting", "running"] as const).flatMap((when) => [
    {
      name: `a year back while ${when}`,
      cron: "* * * * *",
      steps: [{ when, by: -YEAR }],
      findings: ["CLOCK_SET_BACK"],
    },
    {
      name: `a day back while ${when}`,
      cron: "30 2 * * *",
      steps: [{ when, by: -YEAR / 365 }],
      findings: ["CLOCK_SET_BACK"],
    },
    {
      name: `an hour back while ${when}`,
      cron: "@hourly",
      steps: [{ when, by: -60 * MINUTE }],
      findings: ["CLOCK_SET_BACK"],
    },
    { name: `ten seconds back while ${when}`, cron: "* * * * *", steps: [{ when, by: -10_000 }], findings: [] },
    { name: `a month ahead while ${when}`, cron: "@daily", steps: [{ when, by: YEAR / 12 }], findings: ["RUN_MISSED"] },
    {
      name: `a month ahead, then back, while ${when}`,
      cron: "@daily",
      steps: [
        { when, by: YEAR / 12 },
        { when, by: -YEAR / 12 },
      ],
      findings: ["RUN_MISSED", "CLOCK_SET_BACK"],
    },
  ]),
  {
    name: "back twice",
    cron: "*/5 * * * *",
    steps: [
      { when: "waiting", by: -YEAR },
      { when: "running", by: -YEAR },
    ],
    findings: ["CLOCK_SET_BACK", "CLOCK_SET_BACK"],
  },
];

for (const { name, cron, steps, findings } of CLOCKS) {
  test(`watch: the clock is ${name}: the next run comes when it is due, and a finding says so`, async (t) => {
    const repo = await bench(t);
    const abort = new AbortController();
    const left = [...steps];
    let at = Date.parse("2026-11-21T12:00:01Z");
    let runs = 0;
    let looks = 0;
    const set = (when: "waiting" | "running"): void => {
      if (left[0]?.when === when) at += left.shift()!.by;
    };
    const now = (): Date => {
      // Some looks a run; it is set amid waiting, after the first run.
      at += STEPS[cron]!;
      if (runs > 0 && ++looks % 4 === 3) set("waiting");
      return new Date(at);
    };
    const ran: string[] = [];
    async function* run(): AsyncGenerator<AnyRecord> {
      ran.push(new Date(at).toISOString());
      runs++;
      set("running");
      yield { kind: "summary", items: 1, failed: 0, bytes: 1, exit: 0 };
      if (runs === 3 + steps.length) abort.abort();
    }
    const deps = { ...slowly(abort), now };
    const seen: AnyRecord[] = [];
    for await (const record of records(watch({ cron, zone: "UTC", repo: repo.repo, tickMs: 0 }, run, deps)))
      seen.push(record);
    assert.equal(runs, 3 + steps.length, "no run is lost");
    assert.deepEqual(left, []);
    assert.deepEqual(
      [...new Set(seen.filter(({ kind }) => kind === "finding").map(({ code }) => code))],
      [...new Set(findings)],
      JSON.stringify([ran, seen]),
    );
    const setBack = seen.filter(({ code }) => code === "CLOCK_SET_BACK");
    assert.equal(setBack.length, findings.filter((code) => code === "CLOCK_SET_BACK").length);
    for (const { evidence } of setBack) {
      const { to, next } = evidence as { to: string; next: string };
      assert.ok(Date.parse(next) > Date.parse(to) && Date.parse(next) - Date.parse(to) <= 25 * 60 * MINUTE);
    }
  });
}

test("watch ends on a signal with its summary, and the signal is raised again; a missing repository is told at once (6)", async (t) => {
  const repo = await bench(t);
  const face = join(PROJECT, "bin", "agh-backup.ts");
  const args = [face, "watch", "--cron", "@yearly", "--repo", repo.repo, "-v"];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"], env: { HOME: repo.dir } });
  let out = "";
  child.stdout.on("data", (data) => (out += String(data)));
  await once(child.stderr, "data");
  const ended = once(child, "close");
  child.kill("SIGTERM");
  assert.deepEqual(await ended, [null, "SIGTERM"]);
  assert.match(out, /^\{"kind":"summary","tool":"agh-backup watch"/);
  assert.equal((await repo.run("watch", "--cron", "61 * * * *")).code, 2);
  assert.equal((await repo.run("watch", "--cron", "@daily", "--tz", "Mars/Olympus")).code, 2);
  rmSync(join(repo.repo, "repository.json"));
  assert.equal((await repo.run("watch", "--cron", "@daily")).code, 6);
});

test("schedule: a crontab line with all that create needs; units that systemd accepts", async (t) => {
  const repo = await bench(t);
  const more = ["--home", "relative home", "--tag", "a", "--exclude", "logs", "--consistency", "cold"];
  const { stdout: line } = await repo.ok("schedule", "--cron", "30 2 * * mon-fri", ...more);
  assert.match(
    line,
    /^30 2 \* \* 1-5 \/\S+ \/\S+ create --repo \/\S+repo --home '\/.*relative home' --exclude logs --consistency cold --tag a\n$/,
  );
  const zoned = ["--cron", "*/15 * * * *", "--tz", "Europe/Berlin"];
  assert.equal((await repo.run("schedule", ...zoned)).code, 2);
  const { stdout: units } = await repo.ok("schedule", ...zoned, "--as", "systemd");
  const dir = join(tempDir(t), "units");
  mkdirSync(dir);
  const parts = units.split(/^# (agh-backup\.\w+)\n/m).slice(1);
  assert.deepEqual([parts[0], parts[2]], ["agh-backup.service", "agh-backup.timer"]);
  for (const at of [0, 2]) writeFileSync(join(dir, parts[at]!), parts[at + 1]!);
  try {
    execFileSync("systemd-analyze", ["verify", "--man=no", ...[0, 2].map((at) => join(dir, parts[at]!))], {
      stdio: "pipe",
    });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    t.diagnostic("systemd-analyze is not here");
  }
});
