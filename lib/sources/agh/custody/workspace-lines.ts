// The row of a workspace made up from a session's meta.json, where no catalog has it any more.
import { basename } from "node:path";
import { columnsLine, rowLine } from "../../../formats/archive/rows.ts";

const WORKSPACE = ["id", "root_dir", "add_dirs", "name", "default_agent", "sandbox_ref", "created_at", "updated_at"];

/** One row of `workspaces` as JSON Lines; "" where the meta does not say where the workspace lies. */
export function encodeWorkspaceRow(meta: {
  readonly workspace_id: string;
  readonly sandbox?: { readonly runtime_root_dir?: string };
  readonly created_at?: string;
}): string {
  const root = meta.sandbox?.runtime_root_dir;
  if (!root) return "";
  const at = meta.created_at ?? "1970-01-01T00:00:00Z";
  const values = [meta.workspace_id, root, "[]", basename(root), "", "", nineDigits(at), nineDigits(at)];
  const row = Object.fromEntries(WORKSPACE.map((name, index) => [name, values[index]]));
  return columnsLine("workspaces", WORKSPACE) + rowLine("workspaces", undefined, row);
}

/** AGH reads times of its databases by a fixed layout. */
function nineDigits(time: string): string {
  const [, seconds, fraction = ""] = /^(.*?)(?:\.(\d+))?Z$/.exec(time) ?? [];
  return seconds === undefined ? "1970-01-01T00:00:00.000000000Z" : `${seconds}.${fraction.padEnd(9, "0")}Z`;
}
