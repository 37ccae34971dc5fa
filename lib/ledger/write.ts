// Materialises ledgers as AGH does when a session stops, also for those that died with the daemon.
import { dirname } from "node:path";
import { createFromStream } from "../files/atomic-stream.ts";
import { asOwner, foreignOwner } from "../files/as-owner.ts";
import type { Deps } from "../records/deps.ts";
import { EXIT, placeError } from "../records/error.ts";
import type { Finding } from "../records/result-kinds.ts";
import type { LedgerRecord } from "../records/toolkit-kinds.ts";
import type { Tally } from "../records/summary.ts";
import type { LedgerReading, SessionLedger } from "../sources/ledgers.ts";
import type { Home, SessionFilter } from "../sources/source.ts";
import { busy } from "../sqlite/errors.ts";
import { findingOf, orFinding } from "./finding.ts";
import { assertWritable, makeLedgerDir } from "./ledger-directory.ts";
import type { LedgerHome } from "./open.ts";

export interface WriteLedgers {
  readonly sessions: SessionFilter;
  readonly dryRun: boolean;
}

type WriteResult = LedgerRecord | Finding;

/** `ledger` records of what is there now, findings for what was left alone. */
export async function* writeLedgers(
  { home, ledgers }: LedgerHome,
  options: WriteLedgers,
  deps: Deps,
  tally: Tally,
): AsyncGenerator<WriteResult> {
  await assertWritable(home, ledgers, deps);
  const named = (options.sessions.ids?.length ?? 0) > 0;
  for await (const session of ledgers.sessions(home, options.sessions, deps)) {
    deps.signal.throwIfAborted();
    if (session.historyMissing && !named) continue;
    const result = await orFinding(home, session.id, () => writeOne(home, session, options.dryRun, deps));
    if (result.kind === "finding") tally.failed(EXIT.partial);
    else tally.done(result.state === "written" ? result.bytes : 0);
    yield result;
  }
}

async function writeOne(home: Home, session: SessionLedger, dryRun: boolean, deps: Deps): Promise<WriteResult> {
  const { id, target, live, hasLedger, ledger, lacks } = session;
  if (live) {
    const message = `session ${id} runs, or may run: its ledger is written when it has stopped`;
    return findingOf(home, id, { code: "LEDGER_LIVE", severity: "info", message });
  }
  if (lacks !== undefined) {
    const message = `session ${id} has no ${lacks}: nothing to write a ledger from`;
    return findingOf(home, id, { code: "LEDGER_NO_SOURCE", message });
  }
  if (target === undefined) throw placeError("E_UNSAFE_ID", `the ids of session ${id} cannot be used in a path`);
  using reading = session.open();
  const { runtime, place } = home;
  const record: LedgerRecord = { kind: "ledger", runtime, home: place, id, session_id: id, path: target, bytes: 0 };
  if (hasLedger) {
    const { verdict, ...evidence } = await reading.compare(ledger!);
    if (verdict !== "equal" && verdict !== "purged") return differenceFinding(home, id, verdict, evidence);
    const bytes = session.session.ledger_bytes ?? 0;
    return { ...record, path: ledger!, bytes, lines: evidence.lines, state: verdict } satisfies LedgerRecord;
  }
  const lines = await reading.count();
  if (dryRun) return { ...record, lines, state: "planned" } satisfies LedgerRecord;
  const written = await writeLedger({ path: target, id, root: home.root }, reading, deps);
  return { ...record, ...written, lines, state: "written" } satisfies LedgerRecord;
}

async function writeLedger(
  { path, id, root }: { readonly path: string; readonly id: string; readonly root: string },
  reading: LedgerReading,
  deps: Deps,
): ReturnType<typeof createFromStream> {
  const actAs = foreignOwner(root);
  const owner = asOwner(actAs, () => makeLedgerDir(dirname(path)));
  return createFromStream(path, withProgress(reading.content(), id, deps), {
    mode: 0o444,
    owner,
    actAs,
    approve: () => {
      if (!reading.unchanged()) throw busy(`the history of ${id} was written to while it was read`);
    },
  });
}

async function* withProgress(
  content: ReturnType<LedgerReading["content"]>,
  id: string,
  deps: Deps,
): AsyncGenerator<Uint8Array> {
  let done = 0;
  for await (const lines of content) {
    deps.signal.throwIfAborted();
    deps.progress.update({ label: `writing the ledger of ${id}`, done: (done += lines.length), unit: "bytes" });
    yield lines;
  }
}

function differenceFinding(home: Home, id: string, verdict: string, evidence: object): Finding {
  const explained = verdict !== "differs";
  return findingOf(home, id, {
    code: "LEDGER_DIFFERS",
    severity: explained ? "info" : "warn",
    message: `the ledger of session ${id} differs from its events (${verdict}): it is kept, as AGH would keep it`,
    evidence: { verdict, ...evidence },
  });
}
