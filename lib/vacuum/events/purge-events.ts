// Purges the rows of events.db that the ledger holds: what AGH promises with events_purge_grace and does not do.
import type { Place } from "../../places/open-with-capability.ts";
import { SessionHome } from "../../places/session-home.ts";
import type { Deps } from "../../records/deps.ts";
import type { Action } from "../../records/result-kinds.ts";
import type { AnyRecord } from "../../records/record.ts";
import type { SessionRecord } from "../../records/runtime-kinds.ts";
import type { Purgeable } from "../../sources/agh/custody/check-purge.ts";
import { purgeGrace } from "../../sources/agh/home/purge-grace.ts";
import type { Home, SessionFilter } from "../../sources/source.ts";
import { createPlannedAction, asSkipped, type RemovalPlan, type RemovalContext } from "../removal-types.ts";
import { inspectPurgeable } from "./execute-purge.ts";
import { createCollector } from "../../files/memory.ts";
import { openAghHome } from "../open-agh-home.ts";
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
  using opened = await openAghHome(options.place, "events", deps);
  const { apply, lockTimeoutMs } = options;
  const planning = planPurge(opened.home, options, opened.source, deps);
  yield* runRemovals({ tool: "agh-vacuum events", opened, planning, apply, lockTimeoutMs }, deps);
}

async function* planPurge(home: Home, options: PurgeEvents, source: RemovalContext["source"], deps: Deps): RemovalPlan {
  const { sessions, named, graceMs, workDir, toolkit } = options;
  // Also where --grace is given: with a config.toml that cannot be read nobody knows where ledgers lie.
  const configured = await purgeGrace(home.root);
  const policy = { grace: graceMs ?? configured, workDir, toolkit };
  const from = await SessionHome.open(home, deps);
  if (!sessions) return;
  const left: { id: string; reason: string }[] = [];
  const collect = createCollector();
  let events = 0;
  for await (const session of source.sessions(home, { ...sessions, lastEvents: true }, deps)) {
    deps.signal.throwIfAborted();
    const { id } = session;
    const result = inspectPurgeable(from, session, policy.grace, deps);
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

const LOSES =
  "nothing of the history: the ledger has every event byte for byte, and agh-inspect continues from it; AGH itself shows no events of the session any more";
const NOTHING: Pick<Purgeable, "events" | "frees" | "verdict"> = { events: 0, frees: 0, verdict: "equal" };

interface Policy {
  readonly grace: number;
  readonly workDir: string | undefined;
  readonly toolkit: string;
}

function planned(
  home: Home,
  { id, last_event_at }: SessionRecord,
  result: Purgeable | typeof NOTHING,
  { grace, workDir, toolkit }: Policy,
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
    loses: LOSES,
  } as const;
  return createPlannedAction(home, removing, toolkit);
}
