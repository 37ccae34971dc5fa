// A live session as AGH keeps it: its own WAL that only grows, one transaction an event, a checkpoint at close.
import { DatabaseSync } from "node:sqlite";
import fs from "node:fs";
import path from "node:path";
import type { MadeSessionRows } from "../make-home/catalog.ts";
import type { MadeEvent } from "../make-home/event.ts";
import { MadeEvents } from "../make-home/events.ts";
import type { LedgerEvent } from "../make-home/ledger.ts";
import { ledgerHead, ledgerLine, textFile } from "../make-home/ledger.ts";
import type { Moments } from "../make-home/meta.ts";
import { metaText } from "../make-home/meta.ts";
import { randomOf } from "../make-home/random.ts";
import { sessionRowWriter } from "../make-home/session-rows.ts";
import { createSessionSchema } from "../make-home/session-schema.ts";
import type { SessionPlan, Stop } from "../make-home/sessions.ts";
import { nineDigits } from "../make-home/time.ts";
import { replaceFile } from "./daemon.ts";

const PRAGMAS = `PRAGMA busy_timeout = 5000; PRAGMA foreign_keys = ON; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
  PRAGMA wal_autocheckpoint = 0`;

export interface Timings {
  /** Milliseconds of every commit to a session's database. */
  readonly commit: number[];
  readonly catalog: number[];
  readonly stop: number[];
}

export interface LiveContext {
  readonly home: string;
  readonly seed: number;
  readonly rows: MadeSessionRows;
  readonly timings: Timings;
  readonly committed: (session: string, sequence: number) => void;
}

export class LiveSession {
  readonly plan: SessionPlan;
  readonly context: LiveContext;
  readonly directory: string;
  readonly db: DatabaseSync;
  readonly write: (event: MadeEvent) => void;
  readonly stream: MadeEvents;
  events: Generator<MadeEvent>;
  last: MadeEvent | undefined;

  constructor(plan: SessionPlan, context: LiveContext) {
    this.plan = plan;
    this.context = context;
    this.directory = path.join(context.home, "sessions", plan.id);
    fs.mkdirSync(this.directory, { mode: 0o755 });
    this.db = new DatabaseSync(path.join(this.directory, "events.db"));
    this.db.exec(PRAGMAS);
    createSessionSchema(this.db, nineDigits(plan.created));
    this.write = sessionRowWriter(this.db, plan.agent, randomOf(context.seed, `${plan.id}/hooks`));
    this.stream = new MadeEvents(plan, randomOf(context.seed, plan.id));
    this.events = this.stream.opening();
    this.save(plan);
  }

  /** Writes one event; begins a new turn when the last has ended. */
  step(): void {
    let next = this.events.next();
    while (next.done === true) {
      this.events = this.stream.turn(Infinity);
      next = this.events.next();
    }
    this.commit(next.value);
    if (next.value.type === "done") this.save(this.plan);
  }

  /** Closing events, close with its checkpoint, ledger, meta.json and row: AGH's order. */
  stop(stop: Stop): void {
    const began = performance.now();
    for (const event of this.stream.closing(stop.reason)) this.commit(event);
    const stopped: SessionPlan = { ...this.plan, stop };
    const moments = this.moments();
    this.writeLedger(stopped, moments);
    this.save(stopped, moments);
    this.context.timings.stop.push(performance.now() - began);
  }

  private commit(event: MadeEvent): void {
    const began = performance.now();
    this.db.exec("BEGIN IMMEDIATE");
    this.write(event);
    this.db.exec("COMMIT");
    const ended = performance.now();
    this.context.committed(this.plan.id, event.sequence);
    this.context.timings.commit.push(ended - began);
    this.last = event;
    const catalogBegan = performance.now();
    this.context.rows.event(this.plan, event);
    this.context.timings.catalog.push(performance.now() - catalogBegan);
  }

  private moments(): Moments {
    const updated = this.plan.clock!();
    return { lastUpdate: this.last?.at ?? this.plan.created, updated };
  }

  private save(plan: SessionPlan, moments = this.moments()): void {
    replaceFile(path.join(this.directory, "meta.json"), metaText(plan, moments), 0o644);
    this.context.rows.save(plan, moments);
  }

  private writeLedger(plan: SessionPlan, moments: Moments): void {
    const directory = path.join(this.context.home, "sessions", plan.workspace.id, plan.id);
    fs.mkdirSync(directory, { recursive: true, mode: 0o755 });
    const read = this.db.prepare(
      "SELECT id, sequence, turn_id AS turn, type, content, timestamp FROM events ORDER BY sequence",
    );
    const temp = path.join(directory, ".agh-atomic-ledger");
    const ledger = textFile(temp);
    ledger.add(ledgerHead(plan, moments.updated));
    for (const row of read.iterate()) ledger.add(ledgerLine(plan, row as unknown as LedgerEvent));
    ledger.close();
    this.db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    this.db.close();
    fs.renameSync(temp, path.join(directory, "ledger.jsonl"));
  }
}
