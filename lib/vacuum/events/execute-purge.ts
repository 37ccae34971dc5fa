// Takes the rows that the ledger holds out of a session's events.db: judged, made anew without them, held against what it was.
import { statSync } from "node:fs";
import { createCollector } from "../../files/memory.ts";
import { joinPath, osPath } from "../../files/os-path.ts";
import { SessionHome } from "../../places/session-home.ts";
import { doubtAbout } from "../../policy/retirement.ts";
import { withoutProblems, type Deps } from "../../records/deps.ts";
import { usageError } from "../../records/error.ts";
import type { Action } from "../../records/result-kinds.ts";
import type { SessionRecord } from "../../records/runtime-kinds.ts";
import { EVENTS, metaFile } from "../../sources/agh/home/layout.ts";
import { readMeta } from "../../sources/agh/sessions/meta.ts";
import { checkPurge, type Purgeable } from "../../sources/agh/custody/check-purge.ts";
import { PURGE_GAP_MS } from "../../sources/agh/sessions/purged.ts";
import { copyWithoutTable } from "../../sqlite/copy/copy-without-table.ts";
import { findDifference } from "../../sqlite/copy/compare-databases.ts";
import { matchesExpected, workDirOf, type Removal } from "../removal-types.ts";
import { timesOf } from "../sessions/recheck.ts";
import { rewriteAll, type RewriteResult, type RewriteTask } from "../rewrite-databases.ts";

/** Undefined where there is nothing to purge; in words why rows that are there must stay. */
export function inspectPurgeable(
  from: SessionHome,
  session: SessionRecord,
  grace: number,
  deps: Deps,
): Purgeable | string | undefined {
  const { id, effective, has } = session;
  if (effective === "purged" || !has.dir) return undefined;
  const against = from.reasonAgainst(session) ?? doubtAbout(timesOf(session), deps.now());
  if (against !== undefined) return against;
  if (effective !== "stopped") return `it is ${effective}`;
  if (session.last_sequence === null || !session.last_event_at) return undefined;
  const age = deps.now().getTime() - Date.parse(session.last_event_at);
  if (!(age > grace)) return `its last event is younger than the grace time of ${hoursOf(grace)}`;
  const { ledger } = from.ledgerOf(id);
  if (!has.ledger || ledger === undefined) return `it has no ledger: run agh-ledger write ${id}`;
  const dir = from.directoryOf(id)!;
  const read = readMeta(metaFile(from.home.root, dir.slice(dir.lastIndexOf("/") + 1)));
  if (!("meta" in read)) return "its meta.json cannot be read: agh-reconcile check";
  return checkPurge({ session, dir, meta: read.meta, ledger }, deps);
}

const hoursOf = (ms: number): string => (ms % 3_600_000 === 0 ? `${ms / 3_600_000} h` : `${ms / 1000} s`);

export const purging: Removal = {
  daemonOut: true,
  async *perform(actions, within) {
    const { home, source, deps } = within;
    const from = await SessionHome.open(home, deps);
    const collect = createCollector();
    const records = new Map<string, SessionRecord>();
    for await (const session of source.sessions(home, { lastEvents: true }, withoutProblems(deps))) {
      records.set(session.id, session);
    }
    yield* rewriteAll(actions, within, async (action) => {
      const session = records.get(String(action.id));
      if (!session) return { refused: "the session does not exist any more" };
      const result = inspectPurgeable(from, session, parseGrace(action), deps);
      collect((session.events_bytes ?? 0) + (session.ledger_bytes ?? 0));
      if (result === undefined) return { refused: "it has no rows to purge any more" };
      if (typeof result === "string") return { refused: result };
      const { frees: _frees, ...facts } = result;
      if (!matchesExpected(action, facts)) return { refused: "it has changed since the plan" };
      return rewriteTaskFor(action, result, from);
    });
  },
};

function parseGrace({ subject, id }: Action): number {
  const { grace_ms } = subject as { readonly grace_ms?: unknown };
  if (typeof grace_ms === "number" && grace_ms >= 0) return grace_ms;
  throw usageError(`the action purge-events ${String(id)} of the plan has no subject.grace_ms`);
}

function rewriteTaskFor(action: Action, { keeps }: Purgeable, from: SessionHome): RewriteTask {
  const id = String(action.id);
  const ledger = from.ledgerOf(id).ledger!;
  return {
    path: joinPath(from.directoryOf(id)!, EVENTS),
    keeps,
    workDir: workDirOf(action),
    make: withoutEvents,
    // By which listings know, without a look into the file: see lib/sources/agh/sessions/purged.ts.
    mtime: (out) => Math.max(statSync(osPath(out)).mtimeMs, statSync(osPath(ledger)).mtimeMs + PURGE_GAP_MS),
  };
}

function withoutEvents(file: string, out: string): RewriteResult {
  copyWithoutTable(file, out, "events");
  const wrong = findDifference({ file, copy: out, emptied: "events", keyed: "all" });
  return wrong === undefined ? { facts: {} } : { wrong };
}
