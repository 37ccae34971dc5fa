// The database of "quill-rows": a row a talk, a row an entry; lines are the same as in a talk's file.
import type { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { readDatabase, type Deps, type Home, type OwnedTable } from "../../../../lib/index.ts";
import type { Talk, TalkEntry, TalkHead } from "../talks.ts";

export const DATABASE = "quill.db";
export const databaseFile = (root: string): string => join(root, DATABASE);

export const SCHEMA = `
  CREATE TABLE talks (id TEXT PRIMARY KEY, at TEXT NOT NULL, parent TEXT REFERENCES talks(id), head TEXT NOT NULL);
  CREATE TABLE entries (n INTEGER PRIMARY KEY, talk_id TEXT NOT NULL REFERENCES talks(id), at TEXT NOT NULL,
    line TEXT NOT NULL);
  CREATE INDEX entries_of ON entries(talk_id);`;

/** What belongs to a talk, in the order in which it is put back. */
export const TABLES: readonly OwnedTable[] = [
  { table: "talks", key: "id" },
  { table: "entries", key: "talk_id" },
];

type Within = Pick<Deps, "env" | "signal">;

/** All talks, or these, in order of id, from one state of the database. */
export const readTalks = ({ root }: Pick<Home, "root">, deps: Within, id?: string): Talk[] =>
  readDatabase(databaseFile(root), deps, (db) => talksIn(db, id));

function talksIn(db: DatabaseSync, id: string | undefined): Talk[] {
  const entries = db.prepare("SELECT line FROM entries WHERE talk_id = ? ORDER BY n");
  const where = id === undefined ? "" : "WHERE id = ?";
  const talks = db.prepare(`SELECT id, head FROM talks ${where} ORDER BY id`).all(...(id === undefined ? [] : [id]));
  return talks.map((row): Talk => {
    const texts = entries.all(row["id"]!).map(({ line }) => String(line));
    return {
      id: String(row["id"]),
      head: JSON.parse(String(row["head"])) as TalkHead,
      entries: texts.map((line) => JSON.parse(line) as TalkEntry),
      lines: [String(row["head"]), ...texts],
      bytes: texts.reduce((sum, line) => sum + Buffer.byteLength(line), 0),
      torn: 0,
    };
  });
}
