// Where bench homes lie, made once by make-home, and where its commands are.
import fs from "node:fs";
import path from "node:path";
import type { HomeOptions } from "../make-home/home.ts";
import { makeHome } from "../make-home/home.ts";

const PROJECT = path.resolve(import.meta.dirname, "../..");
/** Homes are made once. */
export const BENCH_CACHE = path.join(PROJECT, ".cache/bench");

/** The sizes the targets speak of; `tiny` proves the frame. */
export const SIZES = {
  tiny: { sessions: 20, events: 50 },
  S: { sessions: 200, events: 500 },
  M: { sessions: 2000, events: 500 },
  thousands: { sessions: 10_000, events: 2 },
  many: { sessions: 20_000, events: 2 },
  X: { sessions: 1, events: 1_000_000 },
  /** One database of 231 MB. */
  one: { sessions: 1, events: 260_000 },
} satisfies Record<string, HomeOptions>;

export type Size = keyof typeof SIZES;

export interface BenchHome {
  readonly home: string;
  /** The oldest session. */
  readonly first: string;
}

/** A name is taken only by a home that was finished. */
export function benchHome(size: Size): BenchHome {
  const home = path.join(BENCH_CACHE, size);
  if (!fs.existsSync(home)) {
    fs.mkdirSync(BENCH_CACHE, { recursive: true });
    const unfinished = `${home}.making-${process.pid}`;
    makeHome(unfinished, { ...SIZES[size], ledgers: false });
    fs.renameSync(unfinished, home);
  }
  const first = fs.readdirSync(path.join(home, "sessions")).find((it) => it.startsWith("sess-"));
  return { home, first: first! };
}

/** A path for what a run writes; taken away before every run. */
export function scratch(name: string): { readonly path: string; readonly clear: () => void } {
  const place = path.join(BENCH_CACHE, `scratch-${name}`);
  return { path: place, clear: () => fs.rmSync(place, { recursive: true, force: true }) };
}

/** How a built command is called. */
export function built(tool: string): string {
  const file = path.join(PROJECT, "dist", `agh-${tool}`, `agh-${tool}.mjs`);
  if (!fs.existsSync(file)) throw new Error(`${file} does not exist: npm run build`);
  return `'${process.execPath}' '${file}'`;
}
