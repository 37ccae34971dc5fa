// Compares ledgers with the events.db they were written from.
import type { Deps } from "../records/deps.ts";
import { EXIT, type Exit } from "../records/error.ts";
import type { Finding, VerdictRecord } from "../records/result-kinds.ts";
import type { Tally } from "../records/summary.ts";
import type { Comparison, SessionLedger } from "../sources/ledgers.ts";
import type { Home, SessionFilter } from "../sources/source.ts";
import { busy } from "../sqlite/errors.ts";
import { findingFromError, findingOf } from "./finding.ts";
import type { LedgerHome } from "./open.ts";

/** A `verdict` for each ledger that has its session, a finding for each that lacks one of the two. */
export async function* compareLedgers(
  { home, ledgers }: LedgerHome,
  sessions: SessionFilter,
  deps: Deps,
  tally: Tally,
): AsyncGenerator<VerdictRecord | Finding> {
  for await (const session of ledgers.sessions(home, sessions, deps)) {
    deps.signal.throwIfAborted();
    if (session.historyMissing && !session.hasLedger) continue;
    const { record, exit } = await attempt(home, session);
    if (exit === EXIT.ok) tally.done(session.session.ledger_bytes ?? 0);
    else tally.failed(exit);
    yield record;
  }
}

interface CompareResult {
  readonly record: VerdictRecord | Finding;
  readonly exit: Exit;
}

async function attempt(home: Home, session: SessionLedger): Promise<CompareResult> {
  try {
    return reportMissing(home, session) ?? (await compareOne(home, session));
  } catch (error) {
    return { record: findingFromError(home, session.id, error), exit: EXIT.partial };
  }
}

function reportMissing(home: Home, session: SessionLedger): CompareResult | undefined {
  const { id, live, lacks, hasLedger } = session;
  if (!hasLedger) {
    const [severity, message] = live
      ? (["info", `session ${id} runs, or may run: it has no ledger yet`] as const)
      : (["warn", `session ${id} has no ledger: agh-ledger write ${id} creates it`] as const);
    return {
      record: findingOf(home, id, { code: "LEDGER_MISSING", severity, message }),
      exit: live ? EXIT.ok : EXIT.found,
    };
  }
  if (lacks === undefined) return undefined;
  const message = `session ${id} has a ledger but no ${lacks}: the ledger may be the only history left`;
  return { record: findingOf(home, id, { code: "LEDGER_ALONE", severity: "info", message }), exit: EXIT.ok };
}

async function compareOne(home: Home, session: SessionLedger): Promise<CompareResult> {
  const { id, ledger } = session;
  using reading = session.open();
  const { verdict, ...evidence } = await reading.compare(ledger!);
  if (!reading.unchanged()) throw busy(`session ${id} was written to while it was compared`);
  return {
    record: {
      kind: "verdict",
      runtime: home.runtime,
      home: home.place,
      id,
      verdict,
      evidence: evidenceOf(ledger!, evidence),
    },
    exit: verdict === "differs" ? EXIT.found : EXIT.ok,
  };
}

const evidenceOf = (path: string, evidence: Omit<Comparison, "verdict">): object => ({ path, ...evidence });
