// Retires sessions: tombstone first, then directory and ledger out, at once or to the trash. Journaled, in batches.
import { mkdirSync, statfsSync, writeFileSync } from "node:fs";
import { hashFile } from "../../files/hash-file.ts";
import { chownLike } from "../../files/chown-tree.ts";
import { joinPath, osPath } from "../../files/os-path.ts";
import { syncTree } from "../../files/sync-tree.ts";
import { toFileError } from "../../files/errors.ts";
import {
  closeJournal,
  JOURNAL_FORMAT,
  journalDir,
  writeJournal,
  type Journal,
  type Step,
} from "../../formats/journal.ts";
import { PARTS } from "../../formats/archive/receipt.ts";
import { encodeTombstone, TOMBSTONE_FORMAT, tombstoneName, type Tombstone } from "../../formats/archive/tombstone.ts";
import { ulid } from "../../formats/ulid.ts";
import { SessionHome } from "../../places/session-home.ts";
import { withoutProblems, type Deps } from "../../records/deps.ts";
import type { Action } from "../../records/result-kinds.ts";
import type { SessionRecord } from "../../records/runtime-kinds.ts";
import { tombstonesDir } from "../../sources/agh/home/layout.ts";
import { executeSteps } from "../../sources/agh/custody/execute-steps.ts";
import type { Home } from "../../sources/source.ts";
import {
  asDone,
  asSkipped,
  requireText,
  type RemovalOutcome,
  type Removal,
  type RemovalContext,
} from "../removal-types.ts";
import { isLedgerOnOtherDevice, directoryNameOf, ownFiles, type LocalSession } from "../local-session.ts";
import { createRecheck, type ApprovedSession, type Recheck } from "./recheck.ts";
import { encodeTrash, ledgerPlace, listIn, sessionPlace, trashDir, type TrashEntry } from "../trash/trash.ts";

const RETIRE = "agh-vacuum sessions";

/** What is journaled and synced together. */
const BATCH = 256;
/** With less room than this every session is brought to its end by itself: it frees what the next one needs. */
const LITTLE_ROOM = 64 << 20;

export const retiring: Removal = {
  daemonOut: true,
  async *perform(actions, within) {
    const { home, source, deps } = within;
    const from = await SessionHome.open(home, deps);
    const ids = new Set(actions.map((action) => requireText(action, "subject", "session_id")));
    const records = new Map<string, SessionRecord>();
    for await (const session of source.sessions(home, { lastEvents: true }, withoutProblems(deps))) {
      if (ids.has(session.id)) records.set(session.id, session);
    }
    const recheck = createRecheck({ from, records }, within);
    for (let at = 0; at < actions.length;) {
      deps.signal.throwIfAborted();
      const batch = actions.slice(at, at + batchSize(within));
      yield* retireBatch(batch, recheck, within);
      at += batch.length;
      deps.progress.update({ label: "sessions retired", done: at, total: actions.length, unit: "items" });
    }
  },
};

function batchSize({ home }: RemovalContext): number {
  const { bavail, bsize } = statfsSync(osPath(home.root) as string);
  return bavail * bsize < LITTLE_ROOM ? 1 : BATCH;
}

async function* retireBatch(
  actions: readonly Action[],
  recheck: Recheck,
  within: RemovalContext,
): AsyncGenerator<RemovalOutcome> {
  const approved: ApprovedSession[] = [];
  for (const action of actions) {
    const decision = await recheck(action);
    if ("refused" in decision) yield { action: asSkipped(action, decision.refused) };
    else approved.push(decision);
  }
  if (approved.length === 0) return;
  removeApproved(approved, within);
  for (const { action, bytes, isPermanent } of approved) yield { action: asDone(action, isPermanent ? bytes : 0) };
}

/** Journal first; what it takes out at once is removed with the journal, when all of it is out. */
function removeApproved(approved: readonly ApprovedSession[], { home, deps }: RemovalContext): void {
  const run = ulid(deps.now());
  const dir = journalDir(home.root, run);
  let journal: Journal;
  try {
    journal = {
      format: JOURNAL_FORMAT,
      run,
      tool: RETIRE,
      home_id: home.id,
      steps: stageSteps(approved, { run, dir, home, deps }),
    };
    chownLike(dir, home.root);
    syncTree(dir);
    writeJournal(home.root, journal);
  } catch (error) {
    discard(dir);
    throw toFileError(dir, "write below", error);
  }
  executeSteps(home.root, journal);
  closeJournal(dir);
}

/** Where even that fails, the next run removes it. */
function discard(dir: string): void {
  try {
    closeJournal(dir);
  } catch {
    // A full or failing disk: the first error is reported.
  }
}

interface Staging {
  readonly run: string;
  readonly dir: string;
  readonly home: Home;
  readonly deps: Deps;
}

function stageSteps(approved: readonly ApprovedSession[], staging: Staging): Step[] {
  const { run, dir, home, deps } = staging;
  mkdirSync(osPath(joinPath(dir, "tombstones")), { recursive: true, mode: 0o700 });
  const retired_at = deps.now().toISOString();
  const trashed = approved.filter(({ isPermanent }) => !isPermanent);
  const trash = joinPath(trashDir(home.root), run);
  const steps: Step[] = [];
  if (trashed.length > 0) {
    const list = { run, home_id: home.id, trashed_at: retired_at, entries: trashed.map(entryOf) };
    writeFileSync(osPath(listIn(dir)), encodeTrash(list), { mode: 0o600 });
    steps.push({ do: "put", from: listIn(dir), to: listIn(trash) });
  }
  for (const one of approved) {
    const from = joinPath(joinPath(dir, "tombstones"), tombstoneName(one.id));
    writeFileSync(osPath(from), encodeTombstone(tombstoneOf(one, retired_at, run)), { mode: 0o600 });
    steps.push({ do: "put", from, to: joinPath(tombstonesDir(home.root), tombstoneName(one.id)) });
  }
  for (const one of approved) steps.push(...stepsFor(one, one.isPermanent ? joinPath(dir, "gone") : trash));
  return steps;
}

function tombstoneOf({ id, session, proof, isPermanent }: ApprovedSession, retired_at: string, run: string): Tombstone {
  const { archive = null, snapshot } = proof;
  return {
    format: TOMBSTONE_FORMAT,
    session_id: id,
    retired_at,
    archive,
    ...(snapshot && { snapshot }),
    ...(!isPermanent && { trash: run }),
    last_sequence: session.last_sequence ?? null,
  };
}

/** A rename each, so that AGH never meets half a session; only a ledger on another file system goes file by file. */
function stepsFor(one: ApprovedSession, into: string): Step[] {
  const { dir, ledgerDir } = one;
  const steps: Step[] = [{ do: "aside", path: dir, to: joinPath(into, sessionPlace({ name: directoryNameOf(one) })) }];
  if (ledgerDir === undefined) return steps;
  const to = joinPath(into, ledgerPlace(placeOf(one)));
  return [
    ...steps,
    isLedgerOnOtherDevice(one) ? { do: "remove", path: ledgerDir, tree: true } : { do: "aside", path: ledgerDir, to },
  ];
}

const placeOf = ({ id, partition, ledgerDir }: LocalSession): Pick<TrashEntry, "session_id" | "partition"> => ({
  session_id: id,
  partition: ledgerDir === undefined ? null : partition,
});

function entryOf(one: ApprovedSession): TrashEntry {
  const entry = { name: directoryNameOf(one), ...placeOf(one) };
  const files = ownFiles(one).map(({ path, from, found }) => {
    const [part, place] = path.startsWith(`${PARTS.session}/`)
      ? [PARTS.session, sessionPlace(entry)]
      : [PARTS.ledger, ledgerPlace(entry)];
    return { path: place + path.slice(part.length), size: Number(found.stat.size), sha256: hashFile(from)! };
  });
  return { ...entry, files };
}
