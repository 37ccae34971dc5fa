// Takes the rows that the ledger holds out of a session's events.db: judged, made anew without them, held against what it was.
import { statSync } from "node:fs";
import { collector } from "../files/collect.ts";
import { joinPath, osPath } from "../files/os-path.ts";
import { SessionHome } from "../places/session-home.ts";
import { doubtAbout } from "../policy/retirement.ts";
import { withoutProblems, type Deps } from "../records/deps.ts";
import { usageError } from "../records/error.ts";
import type { Action } from "../records/judgements.ts";
import type { SessionRecord } from "../records/things.ts";
import { EVENTS, metaFile } from "../sources/agh/layout.ts";
import { readMeta } from "../sources/agh/meta.ts";
import { judgePurge, type Purgeable } from "../sources/agh/purge.ts";
import { YOUNGER_MS } from "../sources/agh/purged.ts";
import { copyWithout } from "../sqlite/copy-without.ts";
import { difference } from "../sqlite/same-content.ts";
import { isAs, workDirOf, type Removal } from "./actions.ts";
import { timesOf } from "./retire-judge.ts";
import { rewriteAll, type Made, type Ready } from "./rewrite.ts";

/** Undefined where there is nothing to purge; in words why rows that are there must stay. */
export function judgeEvents(
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
  if (!has.ledger || ledger === undefined) return `it has no ledger: agh-ledger write ${id} makes it`;
  const dir = from.directoryOf(id)!;
  const read = readMeta(metaFile(from.home.root, dir.slice(dir.lastIndexOf("/") + 1)));
  if (!("meta" in read)) return "its meta.json cannot be read: agh-reconcile check";
  return judgePurge({ session, dir, meta: read.meta, ledger }, deps);
}

const hoursOf = (ms: number): string => (ms % 3_600_000 === 0 ? `${ms / 3_600_000} h` : `${ms / 1000} s`);

export const purging: Removal = {
  daemonOut: true,
  async *perform(actions, within) {
    const { home, source, deps } = within;
    const from = await SessionHome.open(home, deps);
    const collect = collector();
    const records = new Map<string, SessionRecord>();
    for await (const session of source.sessions(home, { lastEvents: true }, withoutProblems(deps))) {
      records.set(session.id, session);
    }
    yield* rewriteAll(actions, within, async (action) => {
      const session = records.get(String(action.id));
      if (!session) return { refused: "there is no such session any more" };
      const judged = judgeEvents(from, session, graceIn(action), deps);
      collect((session.events_bytes ?? 0) + (session.ledger_bytes ?? 0));
      if (judged === undefined) return { refused: "it has no rows to purge any more" };
      if (typeof judged === "string") return { refused: judged };
      const { frees: _frees, ...facts } = judged;
      if (!isAs(action, facts)) return { refused: "it has changed since the plan" };
      return readyFor(action, judged, from);
    });
  },
};

function graceIn({ subject, id }: Action): number {
  const { grace_ms } = subject as { readonly grace_ms?: unknown };
  if (typeof grace_ms === "number" && grace_ms >= 0) return grace_ms;
  throw usageError(`the action purge-events ${String(id)} of the plan lacks its subject.grace_ms`);
}

function readyFor(action: Action, { keeps }: Purgeable, from: SessionHome): Ready {
  const id = String(action.id);
  const ledger = from.ledgerOf(id).ledger!;
  return {
    path: joinPath(from.directoryOf(id)!, EVENTS),
    keeps,
    workDir: workDirOf(action),
    make: withoutEvents,
    // By which listings know, without a look into the file: see lib/sources/agh/purged.ts.
    mtime: (out) => Math.max(statSync(osPath(out)).mtimeMs, statSync(osPath(ledger)).mtimeMs + YOUNGER_MS),
  };
}

function withoutEvents(file: string, out: string): Made {
  copyWithout(file, out, "events");
  const wrong = difference({ file, copy: out, emptied: "events", keyed: "all" });
  return wrong === undefined ? { facts: {} } : { wrong };
}
