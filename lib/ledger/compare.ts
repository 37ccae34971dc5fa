// Holds ledgers against the events.db they were made of.
import type { Deps } from "../records/deps.ts";
import { EXIT, type Exit } from "../records/error.ts";
import type { Finding, Verdict } from "../records/judgements.ts";
import type { Tally } from "../records/summary.ts";
import { openEvents } from "../sources/agh/databases.ts";
import { openSettled } from "../sources/agh/each-session.ts";
import { compareLedger, type Comparison } from "../sources/agh/ledger-compare.ts";
import { headLine } from "../sources/agh/ledger-head.ts";
import { ledgerSessions, type LedgerSession } from "../sources/agh/ledger-sessions.ts";
import type { Home, SessionFilter } from "../sources/source.ts";
import { busy } from "../sqlite/trouble.ts";
import { findingFrom, findingOf } from "./fault.ts";

/** A `verdict` for each ledger that has its session, a finding for each that lacks one of the two. */
export async function* compareLedgers(
  home: Home,
  sessions: SessionFilter,
  deps: Deps,
  tally: Tally,
): AsyncGenerator<Verdict | Finding> {
  for await (const session of ledgerSessions(home, sessions, deps)) {
    deps.signal.throwIfAborted();
    if (!session.dir && !session.hasLedger) continue;
    const { record, exit } = attempt(home, session, deps);
    if (exit === EXIT.ok) tally.done(session.session.ledger_bytes ?? 0);
    else tally.failed(exit);
    yield record;
  }
}

interface Judged {
  readonly record: Verdict | Finding;
  readonly exit: Exit;
}

function attempt(home: Home, session: LedgerSession, deps: Deps): Judged {
  try {
    return lacking(home, session) ?? compareOne(home, session, deps);
  } catch (error) {
    return { record: findingFrom(home, session.id, error), exit: EXIT.partial };
  }
}

function lacking(home: Home, session: LedgerSession): Judged | undefined {
  const { id, live, dir, meta, hasLedger } = session;
  if (!hasLedger) {
    const [severity, message] = live
      ? (["info", `session ${id} runs, or may run: it has no ledger yet`] as const)
      : (["warn", `session ${id} has no ledger: agh-ledger write ${id} makes it`] as const);
    return {
      record: findingOf(home, id, { code: "LEDGER_MISSING", severity, message }),
      exit: live ? EXIT.ok : EXIT.found,
    };
  }
  if (dir && meta && session.session.has.events) return undefined;
  const message = `session ${id} has a ledger and no ${!dir ? "directory" : !meta ? "meta.json that can be read" : "events.db"}: the ledger may be the only history left`;
  return { record: findingOf(home, id, { code: "LEDGER_ALONE", severity: "info", message }), exit: EXIT.ok };
}

function compareOne(home: Home, { id, dir, meta, ledger, target }: LedgerSession, deps: Deps): Judged {
  using reading = openSettled(() => openEvents(dir!, deps), deps);
  const { verdict, ...evidence } = compareLedger(ledger!, reading.db, id, headLine(meta!, target?.partition ?? ""));
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
