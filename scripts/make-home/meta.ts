// meta.json of a session: Go's indented encoding, keys in AGH's order.
import type { SessionPlan } from "./sessions.ts";
import type { Instant } from "./time.ts";
import { trimmed } from "./time.ts";

export const BUDGET = { max_children: 0, max_depth: 0, ttl_seconds: 0 };
export const POLICY = {
  tools: [],
  skills: [],
  mcp_servers: [],
  workspace_paths: [],
  network_channels: [],
  sandbox_profiles: [],
};

/** The moments a session's files agree on. */
export interface Moments {
  readonly lastUpdate: Instant;
  readonly updated: Instant;
}

export function metaText(plan: SessionPlan, moments: Moments, crashBundle?: string): string {
  const { stop } = plan;
  const last = trimmed(moments.lastUpdate);
  const running = { subprocess_pid: plan.pid, subprocess_started_at: trimmed(plan.created), last_update_at: last };
  const meta = {
    id: plan.id,
    name: plan.name,
    agent_name: plan.agent,
    provider: "acpmock",
    model: "mock-large",
    effective_permissions: "approve-all",
    workspace_id: plan.workspace.id,
    channel: "default",
    session_type: "user",
    lineage: {
      root_session_id: plan.id,
      spawn_depth: 0,
      auto_stop_on_parent: false,
      spawn_budget: BUDGET,
      permission_policy: POLICY,
    },
    state: stop === undefined ? "active" : "stopped",
    stop_reason: stop?.reason,
    stop_detail: stop?.detail,
    failure: stop?.failure && { ...stop.failure, crash_bundle_path: crashBundle },
    acp_session_id: plan.acp,
    liveness: stop === undefined ? running : { last_update_at: last },
    sandbox: {
      sandbox_id: plan.sandbox,
      backend: "local",
      profile: "local",
      state: stop === undefined ? "prepared" : "stopped",
      runtime_root_dir: plan.workspace.root,
      last_sync_at: trimmed(stop === undefined ? plan.created : moments.updated),
    },
    created_at: trimmed(plan.created),
    updated_at: trimmed(moments.updated),
  };
  return `${JSON.stringify(meta, undefined, 2)}\n`;
}
