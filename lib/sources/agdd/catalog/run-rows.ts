// Rows of the table `runs`.
import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import { millis, utc } from "../time.ts";

export interface RunRow {
  readonly id: string;
  readonly agent: string;
  readonly parent: string | null;
  readonly startedAt: string;
  readonly endedAt: string | null;
  readonly status: string;
  readonly metrics: string;
  readonly tags: string;
  readonly hasEvents: boolean;
}

/** What is asked of the table itself; the rest is asked of the records. */
export interface RunFilter {
  readonly ids?: ReadonlySet<string> | undefined;
  readonly agents?: readonly string[] | undefined;
  readonly statuses?: readonly string[] | undefined;
  readonly limit?: number | undefined;
}

const COLUMNS = `r.run_id, r.agent_slug, r.parent_run_id, r.started_at, r.ended_at, r.status, r.metrics, r.tags,
  EXISTS (SELECT 1 FROM events AS e WHERE e.run_id = r.run_id)`;

type Columns = readonly [string, string, string | null, string, string | null, string, unknown, unknown, number];

/** In order of id. */
export function runRows(db: DatabaseSync, { ids, agents, statuses, limit }: RunFilter): RunRow[] {
  const values: SQLInputValue[] = [];
  const among = (column: string, selected: Iterable<string> | undefined): string => {
    if (selected === undefined) return "";
    values.push(JSON.stringify([...selected]));
    return ` AND ${column} IN (SELECT value FROM json_each(?))`;
  };
  const where = among("r.run_id", ids) + among("r.agent_slug", agents) + among("r.status", statuses);
  const statement = db.prepare(
    `SELECT ${COLUMNS} FROM runs AS r WHERE 1${where} ORDER BY r.run_id LIMIT ${limit ?? -1}`,
  );
  statement.setReturnArrays(true);
  return (statement.all(...values) as unknown as Columns[]).map(
    ([id, agent, parent, startedAt, endedAt, status, metrics, tags, events]) => ({
      id: String(id),
      agent: String(agent),
      parent,
      startedAt: String(startedAt),
      endedAt,
      status: String(status),
      metrics: String(metrics),
      tags: String(tags),
      hasEvents: events === 1,
    }),
  );
}

export function runIds(db: DatabaseSync): string[] {
  const statement = db.prepare("SELECT run_id FROM runs");
  statement.setReturnArrays(true);
  return (statement.all() as unknown as [string][]).map(([id]) => String(id));
}

/** The last event by time, and how many there are. */
export interface Last {
  readonly at: string | null;
  readonly count: number;
}

// Stamps of one form sort as text as they do in time; among others every one must be looked at.
const LAST = `SELECT count(*), max(ts), min(ts GLOB '????-??-??T??:??:??*+00:00') FROM events WHERE run_id = ?`;
const STAMPS = "SELECT ts FROM events WHERE run_id = ?";

export function lastEvents(db: DatabaseSync): (id: string) => Last {
  const [last, stamps] = [db.prepare(LAST), db.prepare(STAMPS)];
  last.setReturnArrays(true);
  stamps.setReturnArrays(true);
  return (id) => {
    const [count, newest, usual] = last.get(id) as unknown as [number, string | null, number | null];
    if (newest === null) return { at: null, count };
    if (usual === 1) return { at: utc(newest), count };
    const all = stamps.all(id) as unknown as [string][];
    return { at: utc(newestOf(all.map(([ts]) => String(ts)))), count };
  };
}

/** What is no time stamp is older than all. */
const newestOf = (stamps: readonly string[]): string =>
  stamps.reduce((a, b) => ((millis(b) ?? Number.NEGATIVE_INFINITY) > (millis(a) ?? Number.NEGATIVE_INFINITY) ? b : a));
