// The first line of a ledger: who the session was, as its meta.json says.
import { placeError } from "../../../records/error.ts";
import { goString, trimSpace } from "./go-text.ts";
import { metaTime } from "./ledger-time.ts";
import type { Meta } from "../sessions/meta.ts";

/** The line with its newline. `partition` is the workspace's id, or the name for sessions without one. */
export function headLine(meta: Meta, partition: string): string {
  const { spawn_depth: depth } = (meta.lineage ?? {}) as { readonly spawn_depth?: number };
  const [parent, root] = [trimmed(meta.lineage?.parent_session_id), trimmed(meta.lineage?.root_session_id)];
  const id = trimmed(meta.id);
  const texts: readonly (readonly [string, string])[] = [
    ["spawn_parent_id", parent],
    ["root_session_id", parent === "" && root === "" ? id : root],
  ];
  const after: readonly (readonly [string, string])[] = [
    ["agent_name", trimmed(meta.agent_name)],
    ["session_type", trimmed(meta.session_type)],
    ["started_at", timeOf(meta, "created_at")],
    ["ended_at", timeOf(meta, "updated_at")],
  ];
  return (
    `{"type":"ledger_meta","version":1,"session_id":${goString(id)},"workspace_id":${goString(partition)}` +
    `${members(texts)}${depth ? `,"spawn_depth":${depth}` : ""}${members(after)}}\n`
  );
}

/** A head without its ended_at, which a repair at boot moves on after the ledger was written. */
export const withoutEnd = (head: string): string => head.replace(/,"ended_at":"[^"]*"\}(\n?)$/, "}$1");

const members = (pairs: readonly (readonly [string, string])[]): string =>
  pairs
    .filter(([, value]) => value !== "")
    .map(([key, value]) => `,"${key}":${goString(value)}`)
    .join("");

export const trimmed = (text: string | undefined): string => trimSpace(Buffer.from(text ?? "")).toString();

function timeOf(meta: Meta, key: "created_at" | "updated_at"): string {
  const text = meta[key];
  const time = text === undefined || text === null ? "" : metaTime(text);
  if (time !== undefined) return time;
  throw placeError(
    "E_BAD_META",
    `meta.json of ${meta.id}: ${key} is not a valid time`,
    "agh-reconcile check shows the fault",
  );
}
