// Purges the rows of events.db that the ledger holds: what AGH promises with events_purge_grace and does not do.
import { statSync } from "node:fs";
import { joinPath, osPath } from "../files/os-path.ts";
import { openAble, type Place } from "../places/at-home.ts";
import { SessionHome } from "../places/session-home.ts";
import { doubtAbout } from "../policy/retirement.ts";
import { withoutProblems, type Deps } from "../records/deps.ts";
import { usageError } from "../records/error.ts";
import type { Action } from "../records/judgements.ts";
import type { AnyRecord } from "../records/record.ts";
import type { SessionRecord } from "../records/things.ts";
import { EVENTS, metaFile } from "../sources/agh/layout.ts";
import { readMeta } from "../sources/agh/meta.ts";
import { judgePurge, type Purgeable } from "../sources/agh/purge.ts";
import { purgeGrace } from "../sources/agh/purge-grace.ts";
import { YOUNGER_MS } from "../sources/agh/purged.ts";
import type { Home, SessionFilter } from "../sources/source.ts";
import { copyWithout } from "../sqlite/copy-without.ts";
import { difference } from "../sqlite/same-content.ts";
import { actionOf, skipped, type Planning, type Removal, type Within } from "./actions.ts";
import { remove } from "./remove.ts";
import { rewriteAll, type Made, type Ready } from "./rewrite.ts";
import { timesOf } from "./retire-judge.ts";

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
  using opened = await openAble(options.place, "vacuum", deps);
  const planning = planPurge(opened.home, options, opened.source, deps);
  const { apply, lockTimeoutMs } = options;
  yield* remove({ tool: "agh-vacuum events", opened, planning, apply, lockTimeoutMs }, deps);
}

type Policy = Pick<PurgeEvents, "sessions" | "named" | "graceMs" | "workDir" | "toolkit">;

export async function* planPurge(home: Home, policy: Policy, source: Within["source"], deps: Deps): Planning {
  const configured = await purgeGrace(home.root);
  const grace = policy.graceMs ?? configured;
  const from = await SessionHome.open(home, deps);
  const left: { id: string; reason: string }[] = [];
  let events = 0;
  if (!policy.sessions) return;
  for await (const session of source.sessions(home, { ...policy.sessions, lastEvents: true }, deps)) {
    deps.signal.throwIfAborted();
    const { id } = session;
    const judged = judge(from, session, grace, deps);
    if (typeof judged === "string") {
      if (policy.named) yield skipped(planned(home, session, NOTHING, grace, policy), judged);
      else left.push({ id, reason: judged });
    } else if (judged) {
      events += judged.events;
      yield planned(home, session, judged, grace, policy);
    }
  }
  return { facts: { events, ...(left.length > 0 && { left }) } };
}

/** Undefined where there is nothing to purge; in words why rows that are there must stay. */
function judge(from: SessionHome, session: SessionRecord, grace: number, deps: Deps): Purgeable | string | undefined {
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

const LOSES =
  "nothing of the history: the ledger has every event byte for byte, and agh-inspect goes on from it; AGH itself shows no events of the session any more";
const NOTHING: Pick<Purgeable, "events" | "frees" | "verdict"> = { events: 0, frees: 0, verdict: "equal" };

function planned(
  home: Home,
  { id, last_event_at }: SessionRecord,
  judged: Purgeable | typeof NOTHING,
  grace: number,
  { toolkit, workDir }: Policy,
): Action {
  const { frees, ...expect } = judged;
  const reason = `its last event is of ${last_event_at}, and its ledger is ${judged.verdict}`;
  const subject = { session_id: id, events: judged.events, grace_ms: grace, ...(workDir && { work_dir: workDir }) };
  return actionOf(
    home,
    { id, verb: "purge-events", subject, expect: { ...expect }, reason, bytes: frees, loses: LOSES },
    toolkit,
  );
}

export const purging: Removal = {
  daemonOut: true,
  async *perform(actions, within) {
    const { home, source, deps } = within;
    const from = await SessionHome.open(home, deps);
    const records = new Map<string, SessionRecord>();
    for await (const session of source.sessions(home, { lastEvents: true }, withoutProblems(deps))) {
      records.set(session.id, session);
    }
    yield* rewriteAll(actions, within, async (action) => {
      const session = records.get(String(action.id));
      if (!session) return { refused: "there is no such session any more" };
      const judged = judge(from, session, graceIn(action), deps);
      if (judged === undefined) return { refused: "it has no rows to purge any more" };
      if (typeof judged === "string") return { refused: judged };
      if (!isExpected(action, judged)) return { refused: "it has changed since the plan" };
      return readyFor(action, judged, {
        dir: from.directoryOf(session.id)!,
        ledger: from.ledgerOf(session.id).ledger!,
      });
    });
  },
};

function graceIn({ subject, id }: Action): number {
  const { grace_ms } = subject as { readonly grace_ms?: unknown };
  if (typeof grace_ms === "number" && grace_ms >= 0) return grace_ms;
  throw usageError(`the action purge-events ${String(id)} of the plan lacks its subject.grace_ms`);
}

/** Whatever the order of its keys: tools between us may have changed that. */
function isExpected({ expect }: Action, { frees: _, ...now }: Purgeable): boolean {
  const said = (expect ?? {}) as { readonly [name: string]: unknown };
  return Object.entries(now).every(([name, value]) => text(value) === text(said[name]));
}

const text = (value: unknown): string =>
  typeof value === "object" && value !== null ? JSON.stringify(Object.entries(value).sort()) : JSON.stringify(value);

function readyFor(
  { subject }: Action,
  { keeps }: Purgeable,
  { dir, ledger }: { readonly dir: string; readonly ledger: string },
): Ready {
  const { work_dir } = subject as { readonly work_dir?: unknown };
  return {
    path: joinPath(dir, EVENTS),
    keeps,
    workDir: typeof work_dir === "string" ? work_dir : undefined,
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
