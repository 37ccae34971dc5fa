// What a backup counts in agsh's database, and which paths are a session's.
import type { CountedTables, SessionPart } from "../../contents.ts";
import { ledgerPart } from "../../event-ledger.ts";
import { tombstonePart } from "../../retired-sessions.ts";
import { isDatabaseName } from "./layout.ts";

const SESSIONS: CountedTables = {
  tables: ["messages", "sessions"],
  sessions: {
    table: "sessions",
    id: "id",
    at: "updated_at",
    parent: "parent_session_id",
    events: { table: "messages", session: "session_id" },
  },
};

export const counted = (_root: string, path: string): CountedTables | undefined =>
  isDatabaseName(path) ? SESSIONS : undefined;

export const sessionPart = (_root: string, path: string): SessionPart | undefined =>
  ledgerPart(path) ?? tombstonePart(path);
