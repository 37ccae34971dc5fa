// AGH's ledgers: written as its daemon does when a session stops.
import type { Deps } from "../../../records/deps.ts";
import type { Ledgers, LedgerReading, SessionLedger } from "../../ledgers.ts";
import type { Home, SessionFilter } from "../../source.ts";
import { openEvents } from "../home/databases.ts";
import { openSettled } from "../events/each-session.ts";
import { compareLedger } from "./compare-ledger.ts";
import { assertHead, ledgerEvents } from "./ledger-rows.ts";
import { headLine } from "./head-line.ts";
import { countEvents, ledgerLines } from "./ledger-lines.ts";
import { ledgerPlace, ledgerSessions, type LedgerSession } from "./ledger-sessions.ts";

export const ledgers: Ledgers = {
  place: ledgerPlace,
  async *sessions(home: Home, filter: SessionFilter, deps: Deps): AsyncGenerator<SessionLedger> {
    for await (const session of ledgerSessions(home, filter, deps)) yield sessionLedger(session, deps);
  },
  events: ({ path, home, sessionId }) => ledgerEvents({ path, home: home.place, sessionId }),
  assertHead,
};

function sessionLedger(own: LedgerSession, deps: Deps): SessionLedger {
  const { id, session, live, hasLedger, ledger, target, dir } = own;
  return {
    id,
    session,
    live,
    hasLedger,
    ledger,
    target: target?.path,
    lacks: lackOf(own),
    historyMissing: dir === undefined,
    open: () => reading(own, deps),
  };
}

function lackOf({ dir, meta, session }: LedgerSession): string | undefined {
  if (dir === undefined) return "directory";
  if (meta === undefined) return "meta.json that can be read";
  return session.has.events ? undefined : "events.db";
}

function reading({ id, dir, meta, target }: LedgerSession, deps: Deps): LedgerReading {
  const head = headLine(meta!, target?.partition ?? "");
  const opened = openSettled(() => openEvents(dir!, deps), deps);
  return {
    count: () => countEvents(opened.db) + 1,
    *content() {
      yield Buffer.from(head);
      yield* ledgerLines(opened.db, id);
    },
    compare: (path) => compareLedger(path, opened.db, id, head),
    unchanged: () => opened.unchanged(),
    [Symbol.dispose]: () => opened[Symbol.dispose](),
  };
}
