// Whether two databases, or two homes, hold the same: rows for databases, bytes for all else.
import assert from "node:assert/strict";
import crypto from "node:crypto";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { PathState } from "./tree.ts";
import { treeState } from "./tree.ts";

const MAGIC = "SQLite format 3\0";

export interface Dump {
  /** Table name to the digest of all its rows, sorted. */
  readonly tables: Readonly<Record<string, { readonly rows: number; readonly digest: string }>>;
  /** SQL of every table, index, trigger and view. */
  readonly schema: readonly string[];
  readonly integrity: string;
  readonly digest: string;
}

/** Reads a private copy of the file and its -wal: the original is not opened by SQLite. */
export function dumpDatabase(file: string): Dump {
  return withCopy(file, (copy) => {
    const db = new DatabaseSync(copy);
    try {
      return dump(db);
    } finally {
      db.close();
    }
  });
}

/** Rows of one query over a private copy. */
export function queryCopy(file: string, sql: string): Record<string, unknown>[] {
  return withCopy(file, (copy) => {
    const db = new DatabaseSync(copy);
    try {
      return db.prepare(sql).all();
    } finally {
      db.close();
    }
  });
}

export interface EqualOptions {
  /** Paths, relative to the home, that may differ or be absent on one side. */
  readonly except?: (name: string) => boolean;
}

/** Fails where two homes differ: databases by rows, other files by bytes, all by mode and by mtime to the microsecond. */
export function assertEqualHomes(expected: string, actual: string, options: EqualOptions = {}): void {
  const differences = homeDifferences(expected, actual, options);
  assert.ok(differences.length === 0, `the homes differ:\n${differences.map((line) => `  ${line}`).join("\n")}`);
}

export function homeDifferences(expected: string, actual: string, options: EqualOptions = {}): string[] {
  const [left, right] = [treeState(expected), treeState(actual)];
  const names = [...new Set([...left.keys(), ...right.keys()])].toSorted();
  return names.flatMap((name) => {
    if (options.except?.(name) === true || /-(wal|shm)$/.test(name)) return [];
    const [one, two] = [left.get(name), right.get(name)];
    if (one === undefined || two === undefined)
      return [`${name}: only in ${one === undefined ? "the second" : "the first"}`];
    return pathDifferences(name, one, two, [path.join(expected, name), path.join(actual, name)]);
  });
}

function pathDifferences(name: string, one: PathState, two: PathState, files: readonly [string, string]): string[] {
  const lines: string[] = [];
  if (one.type !== two.type) return [`${name}: ${one.type} and ${two.type}`];
  if (one.mode !== two.mode) lines.push(`${name}: mode ${one.mode} and ${two.mode}`);
  if (one.type === "file" && isDatabase(files[0]) && isDatabase(files[1])) {
    const [a, b] = [dumpDatabase(files[0]), dumpDatabase(files[1])];
    if (a.digest !== b.digest) lines.push(`${name}: rows differ in ${differingTables(a, b).join(", ")}`);
    return lines;
  }
  if (one.content !== two.content) lines.push(`${name}: bytes differ`);
  if (BigInt(one.mtimeNs) / 1000n !== BigInt(two.mtimeNs) / 1000n)
    lines.push(`${name}: mtime ${one.mtimeNs} and ${two.mtimeNs}`);
  return lines;
}

function differingTables(a: Dump, b: Dump): string[] {
  const names = [...new Set([...Object.keys(a.tables), ...Object.keys(b.tables)])];
  const differing = names.filter((name) => a.tables[name]?.digest !== b.tables[name]?.digest);
  return differing.length > 0 ? differing : ["the schema"];
}

function isDatabase(file: string): boolean {
  const fd = fs.openSync(file, "r");
  try {
    const head = Buffer.alloc(MAGIC.length);
    return fs.readSync(fd, head, 0, head.length, 0) === head.length && head.toString("latin1") === MAGIC;
  } finally {
    fs.closeSync(fd);
  }
}

function withCopy<T>(file: string, read: (copy: string) => T): T {
  const scratch = fs.mkdtempSync(path.join(os.tmpdir(), "sqlite-dump-"));
  try {
    const copy = path.join(scratch, "copy.db");
    fs.copyFileSync(file, copy);
    fs.chmodSync(copy, 0o600);
    if (fs.existsSync(`${file}-wal`)) fs.copyFileSync(`${file}-wal`, `${copy}-wal`);
    return read(copy);
  } finally {
    fs.rmSync(scratch, { recursive: true });
  }
}

function dump(db: DatabaseSync): Dump {
  const master = db
    .prepare("SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY type, name")
    .all();
  const tables: Record<string, { rows: number; digest: string }> = {};
  for (const { type, name } of master) if (type === "table") tables[String(name)] = digestTable(db, String(name));
  const schema = master.map((row) => String(row["sql"]));
  const integrity = String(db.prepare("PRAGMA integrity_check").get()?.["integrity_check"]);
  const digest = sha256(JSON.stringify([tables, schema]));
  return { tables, schema, integrity, digest };
}

function digestTable(db: DatabaseSync, name: string): { rows: number; digest: string } {
  const quoted = `"${name.replaceAll('"', '""')}"`;
  const columns = db.prepare(`PRAGMA table_info(${quoted})`).all();
  // quote() tells 1 from '1' from 1.0 and shows blobs as hex.
  const cells = columns.map((it) => `quote("${String(it["name"]).replaceAll('"', '""')}")`).join(" || ',' || ");
  const hash = crypto.createHash("sha256");
  let rows = 0;
  for (const row of db.prepare(`SELECT ${cells} AS line FROM ${quoted} ORDER BY 1`).iterate()) {
    hash.update(`${String(row["line"])}\n`);
    rows++;
  }
  return { rows, digest: hash.digest("hex") };
}

function sha256(text: string): string {
  return crypto.createHash("sha256").update(text).digest("hex");
}
