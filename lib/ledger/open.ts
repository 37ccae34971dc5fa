// Opens the home that a place names, for verbs about its ledgers.
import { openWithCapability, type Place } from "../places/open-with-capability.ts";
import type { Deps } from "../records/deps.ts";
import type { Ledgers } from "../sources/ledgers.ts";
import type { Home } from "../sources/source.ts";

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
