// Where a session's row says something else than its meta.json, which wins at the next boot.
import { sortable } from "../../selection.ts";
import type { SessionRow } from "./session-table.ts";
import type { Meta } from "../sessions/meta.ts";

export interface ColumnDifference {
  readonly row: string | null;
  readonly meta: string | null;
}

/** By column; {} when both say the same. Times are compared as times. */
export function rowDifferences(row: SessionRow, meta: Meta): { readonly [column: string]: ColumnDifference } {
  const differences: { [column: string]: ColumnDifference } = {};
  for (const [column, value] of metaColumns(meta)) {
    const [inRow, inMeta] = [row.text(column), value || null];
    const same = TIMES.has(column) ? sortable(inRow ?? "") === sortable(inMeta ?? "") : inRow === inMeta;
    if (!same) differences[column] = { row: inRow, meta: inMeta };
  }
  return differences;
}

const TIMES = new Set(["updated_at"]);

type Column = Parameters<SessionRow["text"]>[0];

// Not created_at, which AGH leaves as the row has it.
function metaColumns(meta: Meta): readonly (readonly [Column, string | undefined])[] {
  const { lineage, failure, liveness } = meta;
  return [
    ["name", meta.name],
    ["agent_name", meta.agent_name],
    ["provider", meta.provider],
    ["workspace_id", meta.workspace_id],
    ["channel", meta.channel],
    ["session_type", meta.session_type || "user"],
    ["state", meta.state],
    ["stop_reason", meta.stop_reason],
    ["stop_detail", meta.stop_detail],
    ["failure_kind", failure?.kind],
    ["failure_summary", failure?.summary],
    ["crash_bundle_path", failure?.crash_bundle_path],
    ["acp_session_id", meta.acp_session_id],
    ["subprocess_pid", String(liveness?.subprocess_pid ?? 0)],
    ["parent_session_id", lineage?.parent_session_id],
    ["root_session_id", lineage?.root_session_id || meta.id],
    ["updated_at", meta.updated_at],
  ];
}
