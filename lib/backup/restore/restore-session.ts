// Restores one session of a snapshot into a home: its files, and the rows that are missing there.
import type { IncomingSession } from "../../custody/incoming-session.ts";
import { installSessions } from "../../custody/install.ts";
import { openCustody } from "../../custody/open-custody.ts";
import { findPending, type ConflictRules, type PendingSession } from "../../custody/plan-install.ts";
import { openSnapshotSession, type SnapshotSession } from "../../custody/snapshot-parts.ts";
import { encodeRows, type RowsFile } from "../../formats/archive/rows.ts";
import { recoverHome } from "../../places/home-change.ts";
import { refusal } from "../../records/error.ts";
import type { Action } from "../../records/result-kinds.ts";
import type { AnyRecord } from "../../records/record.ts";
import type { HomeCustody } from "../../sources/custody.ts";
import { countsOf } from "../../sources/owned-rows.ts";
import { equivalenceIn } from "./equivalent-session.ts";
import { listSnapshotSessions } from "./find-session.ts";
import { describeNewer } from "./newer-sessions.ts";
import { planHead } from "./plan-head.ts";
import { restoredFindings } from "./restore-findings.ts";
import { RESTORE, SET_ASIDE, type RestoreContext } from "./restore-context.ts";
import { findSession } from "./restore-scope.ts";

/** Yields the actions, planned or done, what is worth knowing, the `session`, and a `summary`. */
export async function* restoreSession(context: RestoreContext, word: string): AsyncGenerator<AnyRecord> {
  const { options, repo, manifest, place, tally, deps } = context;
  const { home, source } = place;
  const id = source.sessionLayout ? await findSession(repo, manifest, word, deps) : word;
  using snapshot = await openSnapshotSession({ repo, manifest }, id, deps);
  const { lockTimeoutMs } = options;
  if (options.apply) await recoverHome(place, { lockTimeoutMs }, deps);
  const planned = await plan(context, snapshot);
  if (planned.length > 0) yield* planHead(context, await newerEvents(planned, context, snapshot));
  // Where nothing is to be done the home is not even locked.
  const pending = options.apply && planned.length > 0 ? await apply(context, snapshot) : planned;
  yield* await actionsOf(pending, context, snapshot);
  const isUnchanged = pending.length === 0 && source.sessionLayout === undefined;
  if (!options.apply && !isUnchanged) return yield tally.summary({ status: "planned" });
  yield* restoredFindings(place, manifest);
  yield* source.sessions(home, { ids: [snapshot.incoming.id] }, deps);
  yield tally.summary(isUnchanged ? { unchanged: 1 } : {});
}

async function plan(context: RestoreContext, { incoming }: SnapshotSession): Promise<readonly PendingSession[]> {
  const { custody } = await openCustody(context.place, context.deps);
  return findPending(custody, [incoming], rulesOf(context, custody, incoming));
}

/** What the session has here and not in the snapshot, where it is replaced. */
async function newerEvents(
  planned: readonly PendingSession[],
  { repo, manifest, place, deps }: RestoreContext,
  { incoming: { id } }: SnapshotSession,
): Promise<string | null> {
  const aside = planned.flatMap((one) => one.aside);
  if (aside.length === 0) return null;
  const last = await (await listSnapshotSessions(repo, manifest, deps)).lastSequence(id);
  return describeNewer(place, { aside, lastSequence: () => last, ids: [id] }, deps);
}

async function apply(context: RestoreContext, snapshot: SnapshotSession): Promise<readonly PendingSession[]> {
  const { options, place, tally, deps } = context;
  const { incoming } = snapshot;
  const { custody } = await openCustody(place, deps);
  const rules = rulesOf(context, custody, incoming);
  const { lockTimeoutMs } = options;
  return installSessions(place, { tool: RESTORE, run: tally.run, incoming: [incoming], rules, lockTimeoutMs }, deps);
}

function rulesOf(
  { options, place, deps }: RestoreContext,
  custody: HomeCustody,
  { id, partition }: IncomingSession,
): ConflictRules {
  const { home, source } = place;
  return {
    replace: options.replace,
    isEquivalent: source.sessionLayout ? equivalenceIn(place, custody, deps) : hasRows,
    overwrites: (what) => {
      if (!source.sessionLayout) {
        return refusal(
          "E_EXISTS",
          `session ${id} exists in ${home.place} and differs from the snapshot`,
          `agh-inspect show ${id} --home ${home.place} shows the existing session`,
        );
      }
      const own = custody.trees(id, partition).find(({ dir, stays }) => !stays && `${what}/`.startsWith(`${dir}/`));
      const message = `${own?.dir ?? what} exists and differs from the snapshot`;
      return refusal("E_EXISTS", message, "--replace moves it to the trash");
    },
  };
}

/** A file beside rows is a copy of what they say: what is there stays. */
const hasRows = async (incoming: IncomingSession): Promise<boolean> => (await incoming.rows()).rows.length > 0;

async function actionsOf(
  pending: readonly PendingSession[],
  { options, manifest, place: { home }, tally }: RestoreContext,
  { catalog }: SnapshotSession,
): Promise<Action[]> {
  const { runtime, place } = home;
  const state = options.apply ? "done" : "planned";
  const action = (verb: string, id: string, subject: object): Omit<Action, "bytes"> => {
    return { kind: "action", runtime, home: place, id, verb, subject, state };
  };
  const actions: Action[] = [];
  for (const { incoming, moves, aside, lacksRows } of pending) {
    const { id: session_id } = incoming;
    const subject = (path: string): object => ({ path, snapshot: manifest.id, session_id });
    const rows = lacksRows ? await incoming.rows() : undefined;
    if (rows && rows.rows.length > 0) {
      const own = { session_id, snapshot: manifest.id, rows: countsOf(rows) };
      actions.push(
        catalog === undefined
          ? { ...action("put-rows", session_id, own), reason: PUT_ROWS, bytes: jsonBytes(rows) }
          : { ...action("put-rows", catalog, subject(catalog)), bytes: encodeRows(rows).length, reason: PUT_ROWS },
      );
    }
    for (const path of aside) {
      actions.push({ ...action("set-aside", path, subject(path)), bytes: 0, reason: SET_ASIDE });
    }
    for (const { to, bytes } of moves) actions.push({ ...action("put", to, subject(to)), bytes });
  }
  for (const { bytes } of actions) tally.done(bytes);
  return actions;
}

const PUT_ROWS = "missing rows are added; existing rows are not changed";

const jsonBytes = ({ rows }: RowsFile): number =>
  Buffer.byteLength(JSON.stringify(rows, (_, value: unknown) => (typeof value === "bigint" ? `${value}n` : value)));
