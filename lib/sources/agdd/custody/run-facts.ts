// What a removal must know of every run, and what it finds of those it removes.
import { hash } from "node:crypto";
import type { DatabaseSync } from "node:sqlite";
import type { RunFacts } from "../../../policy/expired-runs.ts";
import { listTables, quoted } from "../../../sqlite/schema.ts";
import { millis } from "../time.ts";

/** One run with all that hangs on it. */
export interface RunWeight extends RunFacts {
  readonly agent: string;
  readonly status: string;
  /** Rows by table, `runs` not among them. */
  readonly rows: { readonly [table: string]: number };
  /** Bytes of the values of its rows. */
  readonly bytes: number;
  /** Over everything that the decision to remove it rests on. */
  readonly fingerprint: string;
}

/** Tables whose rows go with the run that they name, `events` first: those that AGDD's foreign keys say it of. */
export function tablesOfRuns(db: DatabaseSync): string[] {
  const others = listTables(db).filter((table) => table !== "runs" && table !== "events" && cascades(db, table));
  return ["events", ...others];
}

const cascades = (db: DatabaseSync, table: string): boolean =>
  db
    .prepare(`PRAGMA main.foreign_key_list(${quoted(table)})`)
    .all()
    .some((key) => key["table"] === "runs" && key["from"] === "run_id" && key["on_delete"] === "CASCADE");

export const AMONG = "IN (SELECT value FROM json_each(?))";

const RUNS = `SELECT run_id, parent_run_id, agent_slug, status, started_at, ended_at,
    octet_length(run_id) + octet_length(agent_slug) + octet_length(started_at) + octet_length(metrics)
      + octet_length(tags) + coalesce(octet_length(ended_at), 0) + coalesce(octet_length(parent_run_id), 0)`;

type Run = readonly [
  id: string,
  parent: string | null,
  agent: string,
  status: string,
  startedAt: string,
  endedAt: string | null,
  bytes: number,
];

/** Bytes of the events of these runs. */
export function eventBytes(db: DatabaseSync, ids: readonly string[]): Map<string, number> {
  const statement = db.prepare(`SELECT run_id, ${BYTES} FROM events WHERE run_id ${AMONG} GROUP BY +run_id`);
  statement.setReturnArrays(true);
  return new Map(statement.all(JSON.stringify(ids)) as unknown as [string, number][]);
}

/** These runs, or all, in order of id; `bytes` are those of the rows of `runs` alone: the index on events tells the rest. */
export function runFacts(db: DatabaseSync, ids?: readonly string[]): RunWeight[] {
  const [, ...others] = tablesOfRuns(db);
  const values = ids ? [JSON.stringify(ids)] : [];
  const where = ids ? `WHERE run_id ${AMONG}` : "";
  const inEvents = eventsOf(db, where, values);
  const inOthers = others.map((table) => ({ table, of: countsIn(db, table) }));
  const statement = db.prepare(`${RUNS} FROM runs ${where} ORDER BY run_id`);
  statement.setReturnArrays(true);
  return (statement.all(...values) as unknown as Run[]).map((run) => {
    const [id, parent, agent, status, startedAt, endedAt, own] = run;
    const found = inEvents.get(id);
    const rows: { [table: string]: number } = found ? { events: found.count } : {};
    for (const { table, of } of inOthers) if (of.has(id)) rows[table] = of.get(id)!;
    return {
      id,
      parent,
      agent,
      status,
      running: status === "running",
      started: timeOf(startedAt),
      ended: endedAt === null ? undefined : timeOf(endedAt),
      lastEvent: found?.last,
      rows,
      bytes: own,
      fingerprint: hash("sha256", JSON.stringify([parent, status, startedAt, endedAt, found?.print, rows])).slice(
        0,
        32,
      ),
    };
  });
}

const timeOf = (stamp: string): number => millis(stamp) ?? Number.NaN;

interface Events {
  readonly count: number;
  readonly last: number;
  readonly print: string;
}

// Stamps of the usual form sort as text as they do in time; of runs with others every one is looked at.
const EVENTS = "SELECT run_id, count(*), max(id), max(ts), min(ts GLOB '????-??-??T??:??:??*+00:00')";
const BYTES = `sum(octet_length(payload) + coalesce(octet_length(msg), 0) + octet_length(ts) + octet_length(run_id)
  + octet_length(agent_slug) + octet_length(type) + coalesce(octet_length(span_id), 0) + 16)`;
const STAMPS = "SELECT ts FROM events WHERE run_id = ?";

type Group = readonly [id: string, count: number, last: number, ts: string, usual: number];

function eventsOf(db: DatabaseSync, where: string, values: readonly string[]): Map<string, Events> {
  const [groups, stamps] = [db.prepare(`${EVENTS} FROM events ${where} GROUP BY run_id`), db.prepare(STAMPS)];
  for (const statement of [groups, stamps]) statement.setReturnArrays(true);
  const found = new Map<string, Events>();
  for (const [id, count, last, ts, usual] of groups.all(...values) as unknown as Group[]) {
    const times = usual === 1 ? [timeOf(ts)] : (stamps.all(id) as unknown as [string][]).map(([one]) => timeOf(one));
    // Math.max is NaN when one of them is.
    found.set(id, { count, last: times.reduce((a, b) => Math.max(a, b)), print: `${count} ${last} ${ts}` });
  }
  return found;
}

function countsIn(db: DatabaseSync, table: string): Map<string, number> {
  const statement = db.prepare(
    `SELECT run_id, count(*) FROM ${quoted(table)} WHERE run_id IS NOT NULL GROUP BY run_id`,
  );
  statement.setReturnArrays(true);
  return new Map(statement.all() as unknown as [string, number][]);
}

/** Every run's parent. */
export function parentsOf(db: DatabaseSync): Map<string, string | null> {
  const statement = db.prepare("SELECT run_id, parent_run_id FROM runs ORDER BY run_id");
  statement.setReturnArrays(true);
  return new Map(statement.all() as unknown as [string, string | null][]);
}
