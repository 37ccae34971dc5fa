// What AGH makes of the meta of a session that claims life when nothing of it runs any more.
import type { Deps } from "../../../records/deps.ts";
import type { Home } from "../../source.ts";
import type { Meta } from "../sessions/meta.ts";

/** A meta as AGH would rewrite it; `updated_at` becomes the time of the boot. */
export type StoppedMeta = Pick<Meta, "stop_reason" | "stop_detail" | "failure"> & { readonly state: "stopped" };

const STALLED_AFTER_MS = 120_000;

const STOPPED_AS = {
  active: { reason: "agent_crashed", detail: "daemon crashed while session active", failure: "process_exit" },
  stopping: { reason: "agent_crashed", detail: "stop did not complete", failure: "process_exit" },
  starting: { reason: "error", detail: "start did not complete", failure: "startup_failure" },
} as const;

/** How AGH's next boot classifies it; undefined where it leaves the meta as it is. */
export function classifyMeta(meta: Meta, home: Home, deps: Pick<Deps, "now" | "isAlive">): StoppedMeta | undefined {
  const state = meta.state.trim();
  if (state !== "active" && state !== "stopping" && state !== "starting") return undefined;
  const { reason, detail: fallback, failure } = STOPPED_AS[state];
  // AGH asks for the pid alone, whoever has it now; in a copy from elsewhere pids mean nothing.
  const pid = meta.liveness?.subprocess_pid ?? 0;
  const alive = home.live && pid > 0 && deps.isAlive(pid) === true;
  const detail = !alive
    ? fallback
    : isStalled(meta, deps)
      ? "daemon exited while stalled session subprocess remained alive"
      : "daemon exited while session subprocess remained alive";
  const { kind, summary, crash_bundle_path: bundle } = meta.failure ?? {};
  return {
    state: "stopped",
    stop_reason: reason,
    stop_detail: detail,
    failure: {
      kind: kind || failure,
      summary: summary?.trim() || detail,
      ...(bundle && { crash_bundle_path: bundle }),
    },
  };
}

function isStalled({ liveness }: Meta, { now }: Pick<Deps, "now">): boolean {
  if (liveness?.stall_state?.trim() === "stalled") return true;
  const last = Date.parse(liveness?.activity?.last_activity_at ?? liveness?.last_update_at ?? "");
  return now().getTime() - last >= STALLED_AFTER_MS;
}
