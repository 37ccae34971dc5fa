// Findings about what is in the messages: calls without a result, results that cannot be read, roles nobody knows.
import type { DatabaseSync } from "node:sqlite";
import type { AgshFinding } from "./rules.ts";
import { blockOf, partsOf, type Message } from "../events/messages.ts";

/** Roles that some version of agsh writes. */
const ROLES: ReadonlySet<unknown> = new Set(["user", "assistant", "tool_results", "compact_boundary"]);

interface Open {
  readonly message: number;
  readonly name: string;
}

/** Session by session; of those in `running` the last call may still be answered. */
export function* messageFindings(db: DatabaseSync, running: ReadonlySet<string>): Generator<AgshFinding> {
  let session: string | undefined;
  let open = new Map<string, Open>();
  const rows = db.prepare("SELECT session_id, id, role, content, created_at FROM messages ORDER BY session_id, id");
  for (const row of rows.iterate() as unknown as Iterable<Message & { session_id: string }>) {
    if (row.session_id !== session) {
      if (session !== undefined && !running.has(session)) yield* unanswered(session, open);
      [session, open] = [row.session_id, new Map()];
    }
    if (!ROLES.has(row.role)) {
      const message = `message ${row.id} of session ${session} has the role ${JSON.stringify(String(row.role))}`;
      yield {
        code: "ROLE_UNKNOWN",
        id: session,
        message,
        evidence: { message: Number(row.id), role: String(row.role) },
      };
    }
    if (row.role !== "assistant" && row.role !== "tool_results") continue;
    const pieces = partsOf(row);
    if (row.role === "tool_results" && pieces.some(({ type }) => type !== "tool_result"))
      yield unreadable(session, row);
    for (const piece of pieces) {
      const block = piece.type === "tool_use" || piece.type === "tool_result" ? blockOf(piece) : undefined;
      if (piece.type === "tool_use")
        open.set(String(block?.["id"]), { message: Number(row.id), name: String(block?.["name"]) });
      else if (block) open.delete(String(block["tool_use_id"]));
    }
  }
  if (session !== undefined && !running.has(session)) yield* unanswered(session, open);
}

function* unanswered(session: string, open: ReadonlyMap<string, Open>): Generator<AgshFinding> {
  for (const [tool_use_id, { message: id, name }] of open) {
    const message = `session ${session}: ${name} was called in message ${id} and has no result`;
    yield { code: "TOOL_UNANSWERED", id: session, message, evidence: { message: id, tool_use_id, tool_name: name } };
  }
}

function unreadable(session: string, { id, content }: Message): AgshFinding {
  const bytes = typeof content === "string" ? Buffer.byteLength(content) : null;
  const message = `message ${id} of session ${session} should hold the results of tools, but does not`;
  return { code: "RESULTS_UNREADABLE", id: session, message, evidence: { message: Number(id), bytes } };
}
