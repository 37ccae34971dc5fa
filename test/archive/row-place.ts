// What the tests of archives of rows share: a home whose sessions are rows, and sessions taken out of it by hand.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { TestContext } from "node:test";
import { tool as archive } from "../../bin/agh-archive.ts";
import { realHome } from "../support/homes.ts";
import { runHere, type Ran } from "../support/memory.ts";

export interface RowPlace {
  readonly home: string;
  readonly file: string;
  readonly tables: readonly string[];
}

export function placeOf(t: TestContext, name: "agsh" | "agsh-v08" | "agdd"): RowPlace | undefined {
  const found = realHome(t, name);
  if (!found) return undefined;
  const home = name === "agdd" ? found.base : found.home;
  const tables =
    name === "agdd"
      ? ["events", "runs"]
      : name === "agsh"
        ? ["messages", "sessions"]
        : ["messages", "tool_outputs", "sessions"];
  return { home, file: path.join(home, name === "agdd" ? ".agdd/storage.db" : "sessions.db"), tables };
}

export const ran = (argv: readonly string[], tool = archive): Promise<Ran> =>
  runHere(tool, argv, { env: { HOME: "/nowhere" } });

export async function ok(...argv: string[]): Promise<Ran> {
  const result = await ran(argv);
  assert.ok([0, 3].includes(result.code), result.stderr);
  return result;
}

export function sql<T>(file: string, act: (db: DatabaseSync) => T): T {
  const db = new DatabaseSync(file);
  try {
    return act(db);
  } finally {
    db.close();
  }
}

/** Every row of the tables, whatever its place. */
export const rowsOf = ({ file, tables }: RowPlace): unknown =>
  sql(file, (db) => tables.map((table) => db.prepare(`SELECT * FROM ${table} ORDER BY 1`).all()));

/** Removes what was archived, as somebody with sqlite3 and rm would. */
export function remove({ home, file, tables }: RowPlace, ids: readonly string[]): void {
  sql(file, (db) => {
    db.exec("PRAGMA foreign_keys=OFF");
    for (const table of tables) {
      const key = {
        events: "run_id",
        runs: "run_id",
        messages: "session_id",
        tool_outputs: "session_id",
        sessions: "id",
      }[table];
      for (const id of ids) db.prepare(`DELETE FROM ${table} WHERE ${key} = ?`).run(id);
    }
    if (tables.includes("events")) db.exec("INSERT INTO events_fts(events_fts) VALUES('rebuild')");
  });
  for (const id of ids) fs.rmSync(path.join(home, ".runs/agents", id), { recursive: true, force: true });
}
