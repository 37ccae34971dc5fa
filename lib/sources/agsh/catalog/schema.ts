// Which of its shapes an agsh database has: agsh wrote no version down, so its tables tell.
import type { DatabaseSync } from "node:sqlite";
import { listColumns, hasTables } from "../../../sqlite/schema.ts";

/** What every reader here relies on; agsh and meka have kept it in all their versions. */
export const SHAPE = {
  sessions: ["id", "created_at", "updated_at"],
  messages: ["id", "session_id", "role", "content", "created_at"],
} as const;

export interface AgshSchema {
  /** The first version that makes this shape. */
  readonly since: string;
  /** Whether a session's lock is a column: later versions lock files. */
  readonly hasLocks: boolean;
  /** Whether a session says which one it came from. */
  readonly hasParent: boolean;
  /** Tables beside `messages` whose rows belong to a session. */
  readonly belongings: readonly string[];
  /** Whether the shape is one of agsh's before 0.12, to which this toolkit may write. */
  readonly isWritable: boolean;
}

/** By what it has that no version before it had, newest first. */
const SHAPES: readonly (readonly [since: string, shape: { readonly [table: string]: readonly string[] }])[] = [
  ["0.42.0", { memories: [] }],
  ["0.42.0", { scheduled_jobs: [] }],
  ["0.27.0", { provider_credentials: [] }],
  ["0.24.0", { sessions: ["parent_session_id"] }],
  ["0.16.0", { oauth_tokens: ["account_id"] }],
];

const WITH_LOCKS: typeof SHAPES = [
  ["0.8.0", { tool_outputs: ["session_id"] }],
  ["0.5.0", { mcp_oauth_credentials: [] }],
  ["0.3.0", { oauth_tokens: [] }],
];

/** Undefined for what is no database of agsh. */
export function schemaOf(db: DatabaseSync): AgshSchema | undefined {
  if (!hasTables(db, SHAPE)) return undefined;
  const columns = listColumns(db, "sessions");
  const [hasLocks, hasParent] = [columns.includes("locked_by"), columns.includes("parent_session_id")];
  const newer = first(db, SHAPES);
  const since = newer ?? (hasLocks ? (first(db, WITH_LOCKS) ?? "0.1.0") : "0.12.0");
  const belongings = listColumns(db, "tool_outputs").includes("session_id") ? ["tool_outputs"] : [];
  return { since, hasLocks, hasParent, belongings, isWritable: hasLocks && newer === undefined && migrations(db) <= 1 };
}

const first = (db: DatabaseSync, shapes: typeof SHAPES): string | undefined =>
  shapes.find(([, shape]) => hasTables(db, shape))?.[0];

/** How many of its migrations meka has run; agsh left it 0, or 1 for a flag. */
export function migrations(db: DatabaseSync): number {
  return Number(db.prepare("PRAGMA user_version").get()?.["user_version"] ?? 0);
}

/** Tables that hold logins: what is in them is never printed, exported or archived. */
export const SECRET_TABLES: ReadonlySet<string> = new Set([
  "oauth_tokens",
  "mcp_oauth_credentials",
  "provider_credentials",
]);

/** Columns of those tables that only say whose login it is, and when it came. */
const PUBLIC_COLUMNS: ReadonlySet<string> = new Set([
  "provider",
  "server_name",
  "name",
  "id",
  "expires_at",
  "created_at",
  "updated_at",
]);

export const isSecret = (table: string, column: string): boolean =>
  SECRET_TABLES.has(table.toLowerCase()) && !PUBLIC_COLUMNS.has(column.toLowerCase());
