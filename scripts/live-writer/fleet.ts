// Many live sessions at a steady rate, with the daemon's marks and its own connection to agh.db.
import { DatabaseSync } from "node:sqlite";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Catalog } from "../make-home/catalog.ts";
import { catalogOf } from "../make-home/catalog.ts";
import type { Random } from "../make-home/random.ts";
import { randomOf } from "../make-home/random.ts";
import type { Workspace } from "../make-home/sessions.ts";
import { planOne } from "../make-home/sessions.ts";
import type { Instant } from "../make-home/time.ts";
import { instantOf } from "../make-home/time.ts";
import { openAck } from "./ack.ts";
import { becomeDaemon } from "./daemon.ts";
import type { Timings } from "./session.ts";
import { LiveSession } from "./session.ts";

const TICK_MS = 4;
const STARTED = { seconds: 0, nanos: 0 };

export interface FleetOptions {
  readonly sessions: number;
  /** Events a second, all sessions together. */
  readonly rate: number;
  readonly seconds: number;
  /** Sessions a second that are stopped and replaced. */
  readonly churn: number;
  readonly seed: number;
  readonly ack?: string | undefined;
  readonly signal: AbortSignal;
  readonly ready: (locked: boolean, ids: readonly string[]) => void;
}

export interface FleetReport {
  readonly flock: boolean;
  readonly sessions: number;
  readonly events: number;
  readonly seconds: number;
  readonly timings: Timings;
}

/** Writes until the time is over or `signal` aborts; then every session is stopped in order, as at a daemon's stop. */
export async function runFleet(home: string, options: FleetOptions): Promise<FleetReport> {
  const daemon = await becomeDaemon(home, process.pid);
  const db = new DatabaseSync(path.join(home, "agh.db"));
  db.exec(
    "PRAGMA busy_timeout = 5000; PRAGMA foreign_keys = ON; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL",
  );
  const starter = new Starter(home, options, db);
  const live = Array.from({ length: options.sessions }, () => starter.start());
  options.ready(
    daemon.locked,
    live.map((it) => it.plan.id),
  );
  const began = performance.now();
  await write(live, starter, options);
  const seconds = (performance.now() - began) / 1000;
  for (const session of live) session.stop({ reason: "shutdown", detail: "daemon shutdown" });
  db.close();
  starter.ack?.close();
  daemon.release();
  const { timings, started } = starter;
  return { flock: daemon.locked, sessions: started, events: timings.commit.length, seconds, timings };
}

async function write(live: LiveSession[], starter: Starter, options: FleetOptions): Promise<void> {
  const began = performance.now();
  const aborted = new Promise<void>((resolve) =>
    options.signal.addEventListener("abort", () => resolve(), { once: true }),
  );
  for (let written = 0, replaced = 0; !options.signal.aborted;) {
    const elapsed = (performance.now() - began) / 1000;
    if (elapsed >= options.seconds) return;
    // Behind after a pause, the backlog is dropped rather than caught up at once.
    const due = Math.floor(elapsed * options.rate);
    for (written = Math.max(written, due - options.rate); written < due; written++)
      live[starter.random.below(live.length)]!.step();
    for (; replaced < Math.floor(elapsed * options.churn); replaced++) {
      live.shift()!.stop({ reason: "completed" });
      live.push(starter.start());
    }
    await Promise.race([sleep(TICK_MS), aborted]);
  }
}

/** Starts sessions; knows what all of them share. */
class Starter {
  readonly home: string;
  readonly random: Random;
  readonly timings: Timings = { commit: [], catalog: [], stop: [] };
  readonly ack: ReturnType<typeof openAck> | undefined;
  readonly catalog: Catalog;
  readonly workspaces: readonly Workspace[];
  readonly seed: number;
  started = 0;

  constructor(home: string, options: FleetOptions, db: DatabaseSync) {
    this.home = home;
    // Ids must be new in every run: the seed is joined by the moment.
    this.seed = options.seed === 0 ? Date.now() % 1e9 : options.seed;
    this.random = randomOf(this.seed, "fleet");
    this.ack = options.ack === undefined ? undefined : openAck(options.ack);
    this.catalog = catalogOf(db, this.random, STARTED);
    this.workspaces = readWorkspaces(db);
  }

  start(): LiveSession {
    const slot = this.started++;
    const frame = { start: Date.now(), gapNanos: 1, events: Infinity, workspaces: this.workspaces, active: true };
    const plan = { ...planOne(this.random, slot, frame), created: now(), clock: now };
    const committed = (id: string, sequence: number): void => this.ack?.committed(slot, id, sequence);
    const { home, seed, timings } = this;
    return new LiveSession(plan, { home, seed, timings, committed, rows: this.catalog.session() });
  }
}

function readWorkspaces(db: DatabaseSync): Workspace[] {
  const rows = db.prepare("SELECT id, root_dir AS root, name FROM workspaces ORDER BY created_at").all();
  return rows.map((row) => ({ ...(row as unknown as Workspace), ulid: "", created: STARTED }));
}

let lastNanos = 0n;
const origin = BigInt(Date.now()) * 1_000_000n - process.hrtime.bigint();

/** The wall clock with nanoseconds, never twice the same. */
function now(): Instant {
  const nanos = origin + process.hrtime.bigint();
  lastNanos = nanos > lastNanos ? nanos : lastNanos + 1n;
  const ms = Number(lastNanos / 1_000_000n);
  const { seconds, nanos: whole } = instantOf(ms);
  return { seconds, nanos: whole + Number(lastNanos % 1_000_000n) };
}
