// A session's meta.json, accepted and refused exactly as AGH's scans do.
import { statSync } from "node:fs";
import { readRegularText } from "../../../files/link-target.ts";
import { osPath } from "../../../files/os-path.ts";

export interface Meta {
  readonly id: string;
  readonly name?: string;
  readonly agent_name: string;
  readonly provider?: string;
  readonly model?: string;
  readonly effective_permissions?: string;
  readonly workspace_id: string;
  readonly channel?: string;
  readonly session_type?: string;
  readonly lineage?: { readonly parent_session_id?: string; readonly root_session_id?: string };
  readonly state: string;
  readonly stop_reason?: string;
  readonly stop_detail?: string;
  readonly failure?: { readonly kind: string; readonly summary?: string; readonly crash_bundle_path?: string };
  readonly acp_session_id?: string;
  readonly liveness?: {
    readonly subprocess_pid?: number;
    readonly subprocess_started_at?: string;
    readonly last_update_at?: string;
    readonly stall_state?: string;
    readonly activity?: { readonly last_activity_at?: string };
  };
  readonly sandbox?: { readonly runtime_root_dir?: string };
  readonly soul_snapshot_id?: string;
  readonly created_at?: string;
  readonly updated_at?: string;
}

/** A meta that AGH would take, or why it would not. `absent` when there is no file. */
export type MetaReading = { readonly meta: Meta } | { readonly problem: string; readonly absent: boolean };

/** Far above what AGH writes (some KB): a hostile file is not read into memory. */
const LARGEST = 16 * 2 ** 20;

/** Reads and checks a meta.json; whatever is wrong with it is an answer, not an exception. */
export function readMeta(file: string): MetaReading {
  const path = osPath(file);
  try {
    const stats = statSync(path, { throwIfNoEntry: false });
    if (!stats) return { problem: "meta.json does not exist", absent: true };
    if (!stats.isFile()) return refused("meta.json is not a file");
    if (stats.size > LARGEST) return refused("meta.json is larger than 16 MiB");
    // Not waiting for a writer: a pipe that takes the file's place would hold us for ever.
    return checkMeta(readRegularText(file));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return { problem: "meta.json does not exist", absent: true };
    return refused(`meta.json cannot be read: ${code ?? String(error)}`);
  }
}

/** The same for a text. */
export function checkMeta(text: string): MetaReading {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return refused("meta.json is not valid JSON (truncated?)");
  }
  if (!isTable(value)) return refused("meta.json is not an object");
  const problem = metaProblem(value);
  return problem ? refused(`meta.json: ${problem}`) : { meta: value as unknown as Meta };
}

const refused = (problem: string): MetaReading => ({ problem, absent: false });

const REQUIRED = ["id", "agent_name", "workspace_id", "state"] as const;
const TEXTS = ["name", "provider", "model", "channel", "session_type", "stop_detail", "acp_session_id"] as const;
const TIMES = ["created_at", "updated_at"] as const;

export const STOP_REASONS: ReadonlySet<unknown> = new Set([
  "completed",
  "user_canceled",
  "max_iterations",
  "loop_detected",
  "timeout",
  "budget_exceeded",
  "error",
  "agent_crashed",
  "hook_stopped",
  "shutdown",
]);

export const FAILURE_KINDS: ReadonlySet<unknown> = new Set([
  "startup_failure",
  "handshake_failure",
  "load_session_failure",
  "protocol_failure",
  "prompt_failure",
  "cancellation",
  "permission_failure",
  "provider_auth_failure",
  "process_exit",
  "transport_failure",
  "timeout",
  "unknown_failure",
]);

type Table = { readonly [key: string]: unknown };

function metaProblem(meta: Table): string | undefined {
  for (const name of REQUIRED) {
    const value = meta[name];
    if (typeof value !== "string" || value.trim() === "") return `${name} is missing`;
  }
  for (const name of TEXTS) if (!isTextOrAbsent(meta[name])) return `${name} is not a string`;
  for (const name of TIMES) if (!isTimeOrAbsent(meta[name])) return `${name} is not a valid time`;
  const reason = meta["stop_reason"];
  if (!isAbsent(reason) && reason !== "" && !STOP_REASONS.has(reason)) return `unknown stop_reason ${show(reason)}`;
  return failureProblem(meta["failure"]) ?? lineageProblem(meta["lineage"]) ?? livenessProblem(meta["liveness"]);
}

function failureProblem(failure: unknown): string | undefined {
  if (isAbsent(failure)) return undefined;
  if (!isTable(failure)) return "failure is not an object";
  return FAILURE_KINDS.has(failure["kind"]) ? undefined : `unknown failure kind ${show(failure["kind"])}`;
}

function lineageProblem(lineage: unknown): string | undefined {
  if (isAbsent(lineage)) return undefined;
  if (!isTable(lineage)) return "lineage is not an object";
  const depth = lineage["spawn_depth"];
  return depth === undefined || (Number.isSafeInteger(depth) && (depth as number) >= 0)
    ? undefined
    : "spawn_depth is invalid";
}

function livenessProblem(value: unknown): string | undefined {
  if (isAbsent(value)) return undefined;
  if (!isTable(value)) return "liveness is not an object";
  const pid = value["subprocess_pid"];
  if (pid !== undefined && !(Number.isSafeInteger(pid) && (pid as number) >= 0)) return "subprocess_pid is invalid";
  return ["subprocess_started_at", "last_update_at"].every((name) => isTimeOrAbsent(value[name]))
    ? undefined
    : "liveness has an invalid time";
}

const isTable = (value: unknown): value is Table =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isAbsent = (value: unknown): boolean => value === undefined || value === null;
const isTextOrAbsent = (value: unknown): boolean => isAbsent(value) || typeof value === "string";
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2})$/;
const isTimeOrAbsent = (value: unknown): boolean => isAbsent(value) || (typeof value === "string" && TIME.test(value));
const show = (value: unknown): string => JSON.stringify(value) ?? "(none)";
