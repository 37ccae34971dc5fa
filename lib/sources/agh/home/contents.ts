// What a backup counts in AGH's databases, and which paths are a session's.
import type { CountedTables, SessionPart } from "../../contents.ts";
import { tombstonePart } from "../../retired-sessions.ts";
import { CATALOG, EVENTS } from "./layout.ts";
import { sessionLayout } from "./session-layout.ts";

/** AGH never drops a table, and writes down when a database was made. */
const COMMON = { keepsTables: true, born: { table: "schema_migrations", column: "applied_at" } } as const;

const SESSION: CountedTables = {
  ...COMMON,
  tables: ["events", "hook_runs", "token_usage"],
  first: { table: "events", column: "id" },
};

const SESSIONS: CountedTables = {
  ...COMMON,
  tables: ["sessions", "workspaces"],
  sessions: { table: "sessions", id: "id" },
};

export function counted(root: string, path: string): CountedTables | undefined {
  if (root !== "home") return undefined;
  if (path === CATALOG) return SESSIONS;
  return path.endsWith(`/${EVENTS}`) && sessionLayout.idOf(path.slice(0, -EVENTS.length - 1)) ? SESSION : undefined;
}

export function sessionPart(root: string, path: string): SessionPart | undefined {
  const ledger = LEDGER.exec(
    root === "home" && path.startsWith("sessions/") ? path.slice(9) : root === "ledgers" ? path : "",
  );
  if (ledger) return { session: ledger[1]!, is: "ledger" };
  if (root !== "home") return undefined;
  const session = sessionLayout.idOf(path);
  return session === undefined ? tombstonePart(path) : { session, is: "directory" };
}

const LEDGER = /^[^/]+\/([^/]+)\/ledger\.jsonl$/;
