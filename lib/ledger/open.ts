// Opens the homes that places name, for verbs about their ledgers.
import { startTally } from "../formats/start-tally.ts";
import { openWithCapability, type Place } from "../places/open-with-capability.ts";
import type { Deps } from "../records/deps.ts";
import { orderKeys } from "../records/order-keys.ts";
import type { AnyRecord } from "../records/record.ts";
import type { Tally } from "../records/summary.ts";
import type { Ledgers } from "../sources/ledgers.ts";
import type { Home, SessionFilter } from "../sources/source.ts";

/** A home and what its runtime knows of ledgers; disposing removes scratch copies. */
export interface LedgerHome {
  readonly home: Home;
  readonly ledgers: Ledgers;
}

/** Homes of runtimes that have no ledgers are refused (exit 4). */
export async function openLedgers(place: Place, deps: Deps): Promise<LedgerHome & Disposable> {
  const opened = await openWithCapability(place, "ledger", deps);
  const ledgers = await opened.source.ledgers!();
  return { home: opened.home, ledgers, [Symbol.dispose]: () => opened[Symbol.dispose]() };
}

/** Sessions of one home. */
export interface LedgerSelection {
  readonly place: Place;
  readonly sessions: SessionFilter;
}

export type LedgerVerb = (home: LedgerHome, sessions: SessionFilter, tally: Tally) => AsyncIterable<AnyRecord>;

/** Runs a verb over every selection, then sums up. */
export async function* overLedgers(
  tool: string,
  selections: readonly LedgerSelection[],
  verb: LedgerVerb,
  deps: Deps,
): AsyncGenerator<AnyRecord> {
  const tally = startTally(tool, deps);
  for (const { place, sessions } of selections) {
    using opened = await openLedgers(place, deps);
    for await (const record of verb(opened, sessions, tally)) yield orderKeys(record);
  }
  yield tally.summary();
}
