// Materialises ledgers as AGH does when a session stops, also for those that died with the daemon.
import { dirname } from "node:path";
import { createFromStream } from "../files/atomic-stream.ts";
import { joinPath } from "../files/os-path.ts";
import type { Deps } from "../records/deps.ts";
import { EXIT, placeError } from "../records/error.ts";
import type { Finding } from "../records/judgements.ts";
import type { LedgerRecord } from "../records/made.ts";
import type { Tally } from "../records/summary.ts";
import { openEvents } from "../sources/agh/databases.ts";
import { openSettled } from "../sources/agh/each-session.ts";
import { compareLedger } from "../sources/agh/ledger-compare.ts";
import { headLine } from "../sources/agh/ledger-head.ts";
import { countEvents, ledgerLines } from "../sources/agh/ledger-lines.ts";
import { ledgerSessions, type LedgerSession } from "../sources/agh/ledger-sessions.ts";
import type { Home, SessionFilter } from "../sources/source.ts";
import { busy } from "../sqlite/trouble.ts";
import { findingFrom, findingOf } from "./fault.ts";
import { assertWritable, makeLedgerDir } from "./may-write.ts";

export interface WriteLedgers {
  readonly sessions: SessionFilter;
  readonly dryRun: boolean;
}

type Written = LedgerRecord | Finding;

/** `ledger` records of what is there now, findings for what was left alone. */
export async function* writeLedgers(
  home: Home,
  options: WriteLedgers,
  deps: Deps,
  tally: Tally,
): AsyncGenerator<Written> {
  await assertWritable(home, deps);
  const named = (options.sessions.ids?.length ?? 0) > 0;
  for await (const session of ledgerSessions(home, options.sessions, deps)) {
    deps.signal.throwIfAborted();
    if (!session.dir && !named) continue;
    const result = attempt(home, session, options.dryRun, deps);
    if (result.kind === "finding") tally.failed(EXIT.partial);
    else tally.done(result.state === "written" ? result.bytes : 0);
    yield result;
  }
}

function attempt(home: Home, session: LedgerSession, dryRun: boolean, deps: Deps): Written {
  try {
    return writeOne(home, session, dryRun, deps);
  } catch (error) {
    return findingFrom(home, session.id, error);
  }
}

function writeOne(home: Home, session: LedgerSession, dryRun: boolean, deps: Deps): Written {
  const { id, dir, meta, target, live, hasLedger, ledger } = session;
  if (live) {
    const message = `session ${id} runs, or may run: AGH writes its ledger when it stops`;
    return findingOf(home, id, { code: "LEDGER_LIVE", severity: "info", message });
  }
  if (!dir || !meta || !session.session.has.events) {
    const message = `session ${id} has no ${!dir ? "directory" : !meta ? "meta.json that can be read" : "events.db"}: nothing to write a ledger from`;
    return findingOf(home, id, { code: "LEDGER_NO_SOURCE", message });
  }
  if (!target) throw placeError("E_UNSAFE_ID", `the ids of session ${id} cannot stand in a path`);
  const head = headLine(meta, target.partition);
  using reading = openSettled(() => openEvents(dir, deps), deps);
  const record: LedgerRecord = {
    kind: "ledger",
    runtime: home.runtime,
    home: home.place,
    id,
    session_id: id,
    path: target.path,
    bytes: 0,
  };
  if (hasLedger) {
    const { verdict, ...evidence } = compareLedger(ledger!, reading.db, id, head);
    if (verdict !== "equal" && verdict !== "purged") return differing(home, id, verdict, evidence);
    const bytes = session.session.ledger_bytes ?? 0;
    return { ...record, path: ledger!, bytes, lines: evidence.lines, state: verdict } satisfies LedgerRecord;
  }
  const lines = countEvents(reading.db) + 1;
  if (dryRun) return { ...record, lines, state: "planned" } satisfies LedgerRecord;
  const owner = makeLedgerDir(dirname(target.path));
  const written = createFromStream(target.path, content(head, reading.db, id, deps), {
    mode: 0o444,
    owner,
    approve: () => {
      if (!reading.unchanged()) throw busy(`${joinPath(dir, "events.db")} was written to while it was read`);
    },
  });
  return { ...record, ...written, lines, state: "written" } satisfies LedgerRecord;
}

function* content(head: string, db: Parameters<typeof ledgerLines>[0], id: string, deps: Deps): Generator<Uint8Array> {
  yield Buffer.from(head);
  let done = 0;
  for (const lines of ledgerLines(db, id)) {
    deps.signal.throwIfAborted();
    deps.progress.update({ label: `writing the ledger of ${id}`, done: (done += lines.length), unit: "bytes" });
    yield lines;
  }
}

function differing(home: Home, id: string, verdict: string, evidence: object): Finding {
  const explained = verdict !== "differs";
  return findingOf(home, id, {
    code: "LEDGER_DIFFERS",
    severity: explained ? "info" : "warn",
    message: `session ${id} has a ledger that is not what events.db gives now (${verdict}): it stays, as AGH would leave it`,
    evidence: { verdict, ...evidence },
  });
}
