// Purges the rows of events that a ledger holds: which sessions' go, and which stay for what reason.
import { openWithCapability, type Place } from "../../places/open-with-capability.ts";
import type { Deps } from "../../records/deps.ts";
import type { Action } from "../../records/result-kinds.ts";
import type { AnyRecord } from "../../records/record.ts";
import type { SessionRecord } from "../../records/runtime-kinds.ts";
import type { OpenPlace } from "../../places/detect-source.ts";
import type { Home, SessionFilter } from "../../sources/source.ts";
import type { Purgeable, PurgeUpkeep } from "../../sources/upkeep.ts";
import { createPlannedAction, asSkipped, type RemovalPlan } from "../removal-types.ts";
import { createCollector } from "../../files/memory.ts";
import { openUpkeep } from "../open-upkeep.ts";
import { runRemovals } from "../run-removals.ts";

export interface PurgeEvents {
  readonly place: Place;
  /** Undefined where the selection is empty. */
  readonly sessions: SessionFilter | undefined;
  /** Sessions were named: then each that must stay is a record (3). */
  readonly named: boolean;
  /** Milliseconds; else what config.toml says, else 24 h. */
  readonly graceMs: number | undefined;
  readonly workDir: string | undefined;
  readonly toolkit: string;
  readonly apply: boolean;
  readonly lockTimeoutMs: number;
}

/** Yields an `action` for each session whose rows go, and a `summary`, which tells in `left` what stays and why. */
export async function* purgeEvents(options: PurgeEvents, deps: Deps): AsyncGenerator<AnyRecord> {
  using opened = await openWithCapability(options.place, "vacuum", deps);
  const purge = await openUpkeep(opened, "purge");
  const { apply, lockTimeoutMs } = options;
  const planning = planPurge(opened, options, purge, deps);
  yield* runRemovals({ tool: "agh-vacuum events", opened, planning, apply, lockTimeoutMs }, deps);
}

async function* planPurge(
  { home, source }: OpenPlace,
  options: PurgeEvents,
  upkeep: PurgeUpkeep,
  deps: Deps,
): RemovalPlan {
  const { sessions, named, graceMs, workDir, toolkit } = options;
  // Also where --grace is given: with settings that cannot be read nobody knows where ledgers lie.
  const configured = await upkeep.grace(home);
  const policy = { grace: graceMs ?? configured, workDir, toolkit, loses: upkeep.loses };
  const purge = await upkeep.open(home, deps);
  if (!sessions) return;
  const left: { id: string; reason: string }[] = [];
  const collect = createCollector();
  let events = 0;
  for await (const session of source.sessions(home, { ...sessions, lastEvents: true }, deps)) {
    deps.signal.throwIfAborted();
    const { id } = session;
    const result = purge.inspect(session, policy.grace);
    collect((session.events_bytes ?? 0) + (session.ledger_bytes ?? 0));
    if (typeof result === "string") {
      if (named) yield asSkipped(planned(home, session, NOTHING, policy), result);
      else left.push({ id, reason: result });
    } else if (result) {
      events += result.events;
      yield planned(home, session, result, policy);
    }
  }
  if (left.length > 0)
    deps.log.info(`${left.length} sessions keep their rows; the --json summary gives the reasons in left`);
  return { facts: { events, ...(left.length > 0 && { left }) } };
}

const NOTHING: Pick<Purgeable, "events" | "frees" | "verdict"> = { events: 0, frees: 0, verdict: "equal" };

interface Policy {
  readonly grace: number;
  readonly workDir: string | undefined;
  readonly toolkit: string;
  readonly loses: string;
}

function planned(
  home: Home,
  { id, last_event_at }: SessionRecord,
  result: Purgeable | typeof NOTHING,
  { grace, workDir, toolkit, loses }: Policy,
): Action {
  const { frees, ...expect } = result;
  const reason = `its last event was at ${last_event_at}, and its ledger is ${result.verdict}`;
  const subject = { session_id: id, grace_ms: grace, ...(workDir !== undefined && { work_dir: workDir }) };
  const removing = {
    id,
    verb: "purge-events",
    subject,
    expect: { ...expect },
    reason,
    bytes: frees,
    loses,
  } as const;
  return createPlannedAction(home, removing, toolkit);
}
