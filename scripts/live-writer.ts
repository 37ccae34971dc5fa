// live-writer HOME: behaves as AGH's daemon with live sessions, for backups and readers to be tried against.
import { parseArgs } from "node:util";
import { runFleet } from "./live-writer/fleet.ts";

const USAGE = `usage: node scripts/live-writer.ts HOME [--sessions 20] [--rate 500] [--seconds N] [--churn 0] [--ack FILE] [--seed 0]
HOME is one that make-home or AGH made. SIGTERM or SIGINT ends it in order; SIGKILL leaves what a killed daemon leaves.`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    sessions: { type: "string", default: "20" },
    rate: { type: "string", default: "500" },
    seconds: { type: "string", default: "Infinity" },
    churn: { type: "string", default: "0" },
    seed: { type: "string", default: "0" },
    ack: { type: "string" },
  },
});

const { ack, ...texts } = values;
const number = (name: keyof typeof texts): number => Number(texts[name]);
const numbers = {
  sessions: number("sessions"),
  rate: number("rate"),
  seconds: number("seconds"),
  churn: number("churn"),
  seed: number("seed"),
};
if (positionals.length !== 1 || Object.values(numbers).some(Number.isNaN)) {
  console.error(USAGE);
  process.exitCode = 2;
} else {
  const abort = new AbortController();
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => abort.abort());
  const ready = (flock: boolean, ids: readonly string[]): void => {
    if (!flock) console.error("live-writer: flock(1) is not installed: daemon.lock is not held");
    console.log(JSON.stringify({ ready: true, pid: process.pid, flock, sessions: ids }));
  };
  const report = await runFleet(positionals[0]!, { ...numbers, ack, signal: abort.signal, ready });
  const { timings, ...counts } = report;
  const spread = Object.fromEntries(Object.entries(timings).map(([name, ms]) => [`${name}_ms`, percentiles(ms)]));
  console.log(
    JSON.stringify({
      ...counts,
      seconds: round(counts.seconds),
      rate: Math.round(counts.events / counts.seconds),
      ...spread,
    }),
  );
}

function percentiles(ms: readonly number[]): Record<string, number> {
  const sorted = [...ms].sort((a, b) => a - b);
  const at = (share: number): number =>
    round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0);
  return { p50: at(0.5), p99: at(0.99), max: at(1) };
}

function round(value: number): number {
  return Number(value.toFixed(3));
}
