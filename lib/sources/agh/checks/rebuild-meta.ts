// The meta.json of a session whose own is lost: what its row, else its ledger, still tells, as AGH would write it.
import { readFileSync, statSync } from "node:fs";
import type { DatabaseSync } from "node:sqlite";
import { joinPath, osPath } from "../../../files/os-path.ts";
import { toFileError } from "../../../files/errors.ts";
import { ToolError } from "../../../records/error.ts";
import type { Home } from "../../source.ts";
import { isId } from "../home/layout.ts";
import { splitLines, openLedger, readChunks } from "../../ledger-file.ts";
import type { StoredSession, CheckContext } from "./check-types.ts";

export type MetaFields = { readonly [key: string]: unknown };

export interface MetaSource {
  readonly store: "row" | "ledger";
  /** Where the provider is not told: that of the agent's other sessions here, else of its description. */
  readonly provider?: string | undefined;
  /** Root of the workspace, as other sessions have it. */
  readonly root?: string | undefined;
  readonly head?: MetaFields | undefined;
}

/** What a meta can be made of; undefined when it would name a workspace that nothing here knows: AGH would not start. */
export function findMetaSource(
  { row, ledger }: StoredSession,
  { home, catalog, sessions }: CheckContext,
): MetaSource | undefined {
  const head = ledger === undefined ? undefined : headOf(ledger);
  const [workspace, agent] = row
    ? [row.text("workspace_id"), row.text("agent_name")]
    : [textIn(head, "workspace_id"), textIn(head, "agent_name")];
  if (!workspace || !agent) return undefined;
  const siblings = sessions.map(({ dir }) => dir?.meta).filter((meta) => meta !== undefined);
  const root =
    catalog.workspaces.get(workspace) ??
    siblings.find((meta) => meta.workspace_id === workspace && meta.sandbox?.runtime_root_dir)?.sandbox
      ?.runtime_root_dir;
  if (root === undefined) return undefined;
  const provider =
    siblings.find((meta) => meta.agent_name === agent && meta.provider)?.provider ?? providerOf(home, agent);
  return { store: row ? "row" : "ledger", provider, root, head };
}

/** As the agent's own description says. */
function providerOf({ root }: Home, agent: string): string | undefined {
  if (!isId(agent)) return undefined;
  const path = osPath(joinPath(root, `agents/${agent}/AGENT.md`));
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat?.isFile() || stat.size > 1 << 20) return undefined;
  const [, front = ""] = /^---\n([^]*?)\n---/.exec(readFileSync(path, "utf8")) ?? [];
  return /^provider:\s*["']?([\w.-]+)["']?\s*$/m.exec(front)?.[1];
}

const TELLS_NOTHING: ReadonlySet<string> = new Set(["E_NOT_A_LEDGER", "E_MISSING", "E_NO_PERMISSION"]);

function headOf(path: string): MetaFields | undefined {
  try {
    using file = openLedger(path);
    const [first] = splitLines(readChunks(file, 1 << 16));
    const head = JSON.parse(first?.toString() ?? "null") as MetaFields | null;
    return head?.["type"] === "ledger_meta" ? head : undefined;
  } catch (error) {
    // One that tells nothing is agh-ledger compare's to judge; a disk that fails stops the work.
    if (error instanceof SyntaxError || (error instanceof ToolError && TELLS_NOTHING.has(error.code))) return undefined;
    throw toFileError(path, "read", error);
  }
}

const textIn = (table: MetaFields | undefined, key: string): string | undefined => {
  const value = table?.[key];
  return typeof value === "string" && value !== "" ? value : undefined;
};

/** The text of the meta. `catalog` is read for the row; `lastEvent` is the time of the session's last event. */
export function rebuildMeta(id: string, from: MetaSource, catalog: DatabaseSync, lastEvent: string | null): string {
  const row = from.store === "row" ? rowOf(catalog, id) : undefined;
  const ended = textIn(from.head, "ended_at") ?? lastEvent ?? textIn(row, "updated_at");
  return metaText(row ? fromRow(row, from, ended) : fromHead(id, from, ended));
}

function rowOf(catalog: DatabaseSync, id: string): MetaFields {
  const row = catalog.prepare("SELECT * FROM sessions WHERE id = ?").get(id);
  if (!row) throw new TypeError(`no row of ${id}`);
  return row;
}

const NO_BUDGET = { max_children: 0, max_depth: 0, ttl_seconds: 0 };
const NO_POLICY = {
  tools: [],
  skills: [],
  mcp_servers: [],
  workspace_paths: [],
  network_channels: [],
  sandbox_profiles: [],
};

function fromRow(row: MetaFields, { root }: MetaSource, ended: string | undefined): MetaFields {
  const state = row["state"] === "orphaned" ? "stopped" : row["state"];
  return {
    ...chosen(row, ["id", "name", "agent_name", "provider", "workspace_id", "channel", "session_type"]),
    lineage: {
      ...chosen(row, ["parent_session_id"]),
      root_session_id: row["root_session_id"] || row["id"],
      spawn_depth: row["spawn_depth"] ?? 0,
      ...chosen(row, ["spawn_role"]),
      ...time("ttl_expires_at", row["ttl_expires_at"]),
      auto_stop_on_parent: row["auto_stop_on_parent"] === 1,
      spawn_budget: json(row["spawn_budget_json"]) ?? NO_BUDGET,
      permission_policy: json(row["permission_policy_json"]) ?? NO_POLICY,
    },
    state,
    ...chosen(row, ["stop_reason", "stop_detail"]),
    ...(row["failure_kind"] ? { failure: failureOf(row) } : {}),
    ...chosen(row, ["acp_session_id"]),
    liveness: {
      ...(row["subprocess_pid"] ? { subprocess_pid: row["subprocess_pid"] } : {}),
      ...time("subprocess_started_at", row["subprocess_started_at"]),
      ...time("last_update_at", row["last_update_at"]),
    },
    ...(row["sandbox_id"] ? { sandbox: sandboxOf(row, root) } : {}),
    ...chosen(row, ["soul_snapshot_id", "soul_digest", "parent_soul_digest"]),
    ...time("created_at", row["created_at"]),
    ...time("updated_at", ended),
  };
}

const failureOf = (row: MetaFields): MetaFields => ({
  kind: row["failure_kind"],
  ...(row["failure_summary"] ? { summary: row["failure_summary"] } : {}),
  ...chosen(row, ["crash_bundle_path"]),
});

function sandboxOf(row: MetaFields, root: string | undefined): MetaFields {
  const state = json(row["sandbox_provider_state_json"]);
  return {
    sandbox_id: row["sandbox_id"],
    backend: row["sandbox_backend"],
    ...(row["sandbox_profile"] ? { profile: row["sandbox_profile"] } : {}),
    state: row["sandbox_state"],
    ...(row["sandbox_instance_id"] ? { instance_id: row["sandbox_instance_id"] } : {}),
    runtime_root_dir: root,
    ...(state === undefined ? {} : { provider_state: state }),
    ...time("last_sync_at", row["sandbox_last_sync_at"]),
    ...(row["sandbox_last_sync_error"] ? { last_sync_error: row["sandbox_last_sync_error"] } : {}),
  };
}

function fromHead(id: string, { head, provider }: MetaSource, ended: string | undefined): MetaFields {
  return {
    id,
    ...chosen(head!, ["agent_name"]),
    ...(provider ? { provider } : {}),
    ...chosen(head!, ["workspace_id", "session_type"]),
    lineage: {
      ...(head!["spawn_parent_id"] ? { parent_session_id: head!["spawn_parent_id"] } : {}),
      root_session_id: head!["root_session_id"] || id,
      spawn_depth: head!["spawn_depth"] ?? 0,
      auto_stop_on_parent: false,
      spawn_budget: NO_BUDGET,
      permission_policy: NO_POLICY,
    },
    state: "stopped",
    ...time("created_at", head!["started_at"]),
    ...time("updated_at", ended),
  };
}

/** Those that are set: AGH leaves out what is empty. */
const chosen = (row: MetaFields, names: readonly string[]): MetaFields =>
  Object.fromEntries(names.filter((name) => row[name]).map((name) => [name, row[name]]));

/** Nine digits in a database, trailing zeros trimmed in a file. */
const time = (name: string, value: unknown): MetaFields =>
  typeof value === "string" && value !== ""
    ? { [name]: value.replace(/(\.\d*?)0*Z$/, (_, digits: string) => `${digits === "." ? "" : digits}Z`) }
    : {};

function json(text: unknown): unknown {
  if (typeof text !== "string" || text === "") return undefined;
  try {
    return exactJson(text);
  } catch {
    return undefined; // half a value: as if there were none
  }
}

/** Parsed so that `metaText` writes every number as it was. */
export function exactJson(text: string): unknown {
  const reviver = (_: string, value: unknown, { source }: { source?: string } = {}): unknown =>
    typeof value === "number" && source !== undefined ? rawJson(source) : value;
  return JSON.parse(text, reviver as (key: string, value: unknown) => unknown);
}

const { rawJSON: rawJson } = JSON as unknown as { rawJSON(text: string): unknown };

/** In the order in which AGH writes them. */
const ORDER = [
  ..."id name agent_name provider model reasoning_effort effective_permissions workspace_id channel".split(" "),
  ..."session_type lineage state stop_reason stop_detail failure acp_session_id liveness sandbox".split(" "),
  ..."soul_snapshot_id soul_digest parent_soul_digest created_at updated_at".split(" "),
];

/** Go's indented encoding; keys that AGH does not know come last. */
export function metaText(meta: MetaFields): string {
  const keys = [...new Set([...ORDER, ...Object.keys(meta)])].filter((key) => meta[key] !== undefined);
  const text = JSON.stringify(Object.fromEntries(keys.map((key) => [key, meta[key]])), undefined, 2);
  const escaped = text.replace(
    /[<>&\u2028\u2029]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return `${escaped}\n`;
}
