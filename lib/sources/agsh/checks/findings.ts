// Holds an agsh database against what agsh itself would make of it.
import { lstatSync } from "node:fs";
import type { DatabaseSync } from "node:sqlite";
import { osPath } from "../../../files/os-path.ts";
import type { Deps } from "../../../records/deps.ts";
import { EXIT, ToolError } from "../../../records/error.ts";
import { listDanglingReferences, checkIntegrity } from "../../../sqlite/read/integrity-check.ts";
import { LEVELS, type CheckResult, type Level } from "../../repair.ts";
import type { Home } from "../../source.ts";
import { readDatabase } from "../catalog/database.ts";
import { messageFindings } from "./findings-messages.ts";
import { databaseFile } from "../home/layout.ts";
import { lockOf } from "../sessions/locks.ts";
import type { AgshFinding } from "./rules.ts";
import { SECRET_TABLES, type AgshSchema } from "../catalog/schema.ts";
import { isUsual } from "../time.ts";

/** Reads all from one state of the file. What cannot be read at all is a finding. */
export async function check(home: Home, level: Level, deps: Deps): Promise<CheckResult> {
  try {
    return {
      ...readDatabase(home.root, deps, (db, schema) => checkDatabase({ home, db, schema, level, deps })),
      covers: (file) => file === databaseFile(home.root),
    };
  } catch (error) {
    if (!(error instanceof ToolError) || error.exit !== EXIT.place) throw error;
    const file = databaseFile(home.root);
    return { sessions: [], findings: [unreadable(file, error)] };
  }
}

const unreadable = (path: string, { code, message }: ToolError): AgshFinding => ({
  code: "DATABASE_UNREADABLE",
  message,
  evidence: { path, cause: code },
});

interface CheckInput {
  readonly home: Home;
  readonly db: DatabaseSync;
  readonly schema: AgshSchema;
  readonly level: Level;
  readonly deps: Deps;
}

interface SessionRow {
  readonly id: string;
  readonly created_at: string;
  readonly updated_at: string;
  readonly locked_by: string | number | null;
  readonly messages: 0 | 1;
}

function checkDatabase(input: CheckInput): CheckResult {
  const { db, schema, level, home } = input;
  const depth = LEVELS.indexOf(level);
  const sessions = db.prepare(sessionsSql(schema)).all() as unknown as SessionRow[];
  const orphans = db.prepare(ORPHANS).all() as unknown as Orphan[];
  const found: AgshFinding[] = [
    ...(depth >= LEVELS.indexOf("full") ? damage(input) : []),
    ...sessions.flatMap((row) => [...sessionFindings(row, input)]),
    ...orphans.map((orphan) => orphanFinding(orphan, schema)),
    ...(home.live ? readableLogins(input) : []),
    ...(depth >= LEVELS.indexOf("full") ? messageFindings(db, new Set(runningIn(sessions, input))) : []),
  ];
  return { sessions: [...sessions.map(({ id }) => id), ...orphans.map(({ id }) => id)], findings: found };
}

const sessionsSql = ({ hasLocks }: AgshSchema): string => `
  SELECT id, created_at, updated_at, ${hasLocks ? "locked_by" : "NULL"} AS locked_by,
    EXISTS (SELECT 1 FROM messages WHERE session_id = sessions.id) AS messages
  FROM sessions ORDER BY id`;

const ORPHANS = `
  SELECT session_id AS id, count(*) AS messages, min(created_at) AS created_at, max(created_at) AS updated_at
  FROM messages WHERE session_id NOT IN (SELECT id FROM sessions) GROUP BY session_id ORDER BY session_id`;

function* sessionFindings(row: SessionRow, { home, schema, level, deps }: CheckInput): Generator<AgshFinding> {
  const lock = lockOf(row.locked_by, home, deps);
  if (lock) yield* lockFindings(row, lock, schema);
  // Whoever holds it may be about to write its first message.
  if (row.messages === 0 && (!lock || lock.alive === false)) {
    yield {
      code: "SESSION_EMPTY",
      id: row.id,
      message: `session ${row.id} has no messages`,
      evidence: { updated_at: row.updated_at },
    };
  }
  if (level === "quick") return;
  for (const column of ["created_at", "updated_at"] as const) {
    if (!isUsual(String(row[column]))) yield unsortable(row.id, `sessions.${column}`, row[column]);
  }
}

const unsortable = (id: string, column: string, value: unknown): AgshFinding => ({
  code: "TIME_UNSORTABLE",
  id,
  message: `${column} of session ${id} is ${JSON.stringify(String(value))}`,
  evidence: { column, value: String(value) },
});

function* lockFindings(
  { id, locked_by, updated_at }: SessionRow,
  { pid, alive }: NonNullable<ReturnType<typeof lockOf>>,
  { isWritable }: AgshSchema,
): Generator<AgshFinding> {
  const evidence = { locked_by, pid, updated_at };
  const subject = { session_id: id };
  const action = isWritable
    ? { verb: "clear-lock", subject, expect: { locked_by, updated_at }, loses: null }
    : undefined;
  if (pid === null) {
    yield {
      code: "LOCK_NO_PID",
      id,
      message: `session ${id} is locked by ${JSON.stringify(String(locked_by))}, which is not a pid`,
      evidence,
      action,
    };
  } else if (alive === false) {
    yield {
      code: "LOCK_DEAD",
      id,
      message: `session ${id} is locked by process ${pid}, which is dead`,
      evidence,
      action,
    };
  } else if (pid > 2_147_483_647) {
    yield {
      code: "LOCK_UNKNOWN",
      id,
      message: `session ${id} is locked by ${pid}, which cannot be the id of a process`,
      evidence,
    };
  }
}

interface Orphan {
  readonly id: string;
  readonly messages: number;
  readonly created_at: string;
  readonly updated_at: string;
}

function orphanFinding({ id, messages, created_at, updated_at }: Orphan, { isWritable }: AgshSchema): AgshFinding {
  const action = {
    verb: "add-session",
    subject: { session_id: id },
    expect: { messages, created_at, updated_at },
    loses: null,
  };
  return {
    code: "MESSAGE_ORPHAN",
    id,
    message: `${messages} ${messages === 1 ? "message belongs" : "messages belong"} to session ${id}, which does not exist`,
    evidence: { messages, created_at, updated_at },
    ...(isWritable && { action }),
  };
}

function* damage({ home, db, level }: CheckInput): Generator<AgshFinding> {
  const path = databaseFile(home.root);
  const messages = checkIntegrity(db, level === "deep" ? "full" : "quick");
  if (messages.length > 0) {
    yield {
      code: "DATABASE_DAMAGED",
      message: `${path}: ${messages[0]}`,
      evidence: { path, messages: messages.slice(0, 5) },
    };
  }
  if (level !== "deep" || messages.length > 0) return;
  // Messages without their session are reported one by one.
  const dangling = listDanglingReferences(db).filter(({ table }) => table !== "messages");
  if (dangling.length > 0) {
    const { table, parent } = dangling[0]!;
    const message = `${path}: ${dangling.length} rows refer to rows that do not exist, for example from ${table} to ${parent}`;
    yield {
      code: "DATABASE_DAMAGED",
      message,
      evidence: { path, rows: dangling.slice(0, 5).map((row) => ({ ...row })) },
    };
  }
}

function* readableLogins({ home, db }: CheckInput): Generator<AgshFinding> {
  const tables = db
    .prepare("SELECT name FROM sqlite_schema WHERE type = 'table'")
    .all()
    .map(({ name }) => String(name));
  const populated = tables.filter(
    (name) => SECRET_TABLES.has(name) && db.prepare(`SELECT 1 FROM "${name}" LIMIT 1`).get(),
  );
  if (populated.length === 0) return;
  const path = databaseFile(home.root);
  const bits = lstatSync(osPath(path)).mode & 0o7777;
  if ((bits & 0o044) === 0) return;
  const mode = bits.toString(8).padStart(4, "0");
  yield {
    code: "LOGINS_READABLE",
    message: `${path} has mode ${mode} and holds logins (${populated.join(", ")})`,
    evidence: { path, mode, tables: populated },
  };
}

/** Their last call may still be answered. */
const runningIn = (rows: readonly SessionRow[], { home, schema, deps }: CheckInput): string[] =>
  rows
    .filter((row) => !schema.hasLocks || (lockOf(row.locked_by, home, deps)?.alive ?? false) !== false)
    .map(({ id }) => id);
