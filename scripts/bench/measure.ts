// Wall time, CPU and peak memory of a shell command with all it starts.
// bash's own `time` counts children to the millisecond and needs nothing installed; memory comes from GNU time, where there is one.
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";

const GNU_TIME = "/usr/bin/time";

export interface Sample {
  /** Seconds. */
  readonly wall: number;
  /** User and system seconds of the whole process tree. */
  readonly cpu: number;
}

/** Runs a bash command; throws when it fails. */
export function measure(command: string): Sample {
  const report = path.join(os.tmpdir(), `bench-${process.pid}`);
  const script = `TIMEFORMAT='%3R %3U %3S'; exec 3>&2; { time { ${command}\n} 2>&3 3>&- ; } 2>"$REPORT"`;
  try {
    bash(script, command, { REPORT: report });
    const [wall, user, system] = fs.readFileSync(report, "utf8").trim().split(" ").map(Number) as [
      number,
      number,
      number,
    ];
    return { wall, cpu: user + system };
  } finally {
    fs.rmSync(report, { force: true });
  }
}

/** MiB of the largest process of a run of its own; undefined without GNU time. */
export function peakMiB(command: string): number | undefined {
  if (!fs.existsSync(GNU_TIME)) return undefined;
  const report = path.join(os.tmpdir(), `bench-rss-${process.pid}`);
  try {
    bash(`exec ${GNU_TIME} -q -f %M -o "$REPORT" bash -c "$COMMAND"`, command, { REPORT: report, COMMAND: command });
    return Math.round(Number(fs.readFileSync(report, "utf8").trim()) / 1024);
  } finally {
    fs.rmSync(report, { force: true });
  }
}

export function installed(program: string): boolean {
  return spawnSync("bash", ["-c", `command -v -- "$0"`, program]).status === 0;
}

/** Drops the data pages of every file below the directories; inodes stay warm. Needs no privilege. */
export function evict(...directories: string[]): void {
  spawnSync("sync", ["-f", ...directories]);
  const drop = `find "$@" -type f -print0 | xargs -0 -r -n1 -I{} dd if={} iflag=nocache count=0 status=none`;
  bash(drop, "evict", {}, directories);
}

function bash(script: string, name: string, env: Readonly<Record<string, string>>, args: readonly string[] = []): void {
  const child = spawnSync("bash", ["-c", script, "bash", ...args], {
    env: { ...process.env, ...env, LC_ALL: "C" },
    stdio: ["ignore", "ignore", "pipe"],
  });
  if (child.status !== 0)
    throw new Error(`${name}: exit ${child.status ?? child.signal}: ${child.stderr.toString().slice(-500)}`);
}
