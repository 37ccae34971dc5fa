// What a session really is, from what the stores claim and whether anything runs.
import type { SessionRecord } from "../../../records/runtime-kinds.ts";

export const LIVE_STATES: ReadonlySet<string | null> = new Set(["starting", "active", "stopping"]);

/** What is known of one session. */
export interface StateClaims {
  /** The state of the store that is trusted: the meta's, else the row's. */
  readonly state: string | null;
  readonly row: boolean;
  readonly dir: boolean;
  /** A meta that AGH would accept. */
  readonly meta: boolean;
  readonly archived: boolean;
  /** Whether the daemon, or the session's own process, runs; asked only of sessions that claim life. */
  readonly alive: () => boolean | null;
}

export function effectiveOf(claims: StateClaims): SessionRecord["effective"] {
  const { state, row, dir, meta, archived } = claims;
  const claimsLife = LIVE_STATES.has(state);
  if (claimsLife && (meta || (row && !dir))) {
    const alive = claims.alive();
    if (alive === true) return "running";
    if (meta) return alive === null ? "unknown" : "dead";
  }
  if (!meta) {
    if (archived) return "archived";
    return row ? "orphaned" : dir ? "unindexed" : "purged";
  }
  if (!row) return "unindexed";
  return state === "stopped" ? "stopped" : "unknown";
}

type Resumable = SessionRecord["resumable"];

/** Whether AGH could go on with it: it only attaches to what runs, `stopped` is final. */
export function resumableOf(
  effective: SessionRecord["effective"],
  state: string | null,
  attachable: unknown,
): Resumable {
  if (effective !== "running") return { ok: false, reason: NOT_RESUMABLE[effective] ?? "nothing is left to attach to" };
  if (state !== "active") return { ok: false, reason: `${state}: AGH attaches to active sessions only` };
  if (attachable === false) return { ok: false, reason: "its health says that it is not attachable" };
  return { ok: true, reason: "it runs: agh session resume attaches to it" };
}

const NOT_RESUMABLE: { readonly [effective: string]: string | undefined } = {
  stopped: "AGH cannot resume a stopped session",
  unindexed: "AGH cannot resume a session that it has not indexed",
  dead: "its process no longer runs; the next start of the daemon marks it as crashed",
  archived: "it is archived: agh-archive get restores it",
  unknown: "whether it runs cannot be known here",
};
