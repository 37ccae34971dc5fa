// Opens the home that a place names, for verbs about its ledgers.
import { openAble, type Place } from "../places/at-home.ts";
import type { OpenPlace } from "../places/source-of.ts";
import type { Deps } from "../records/deps.ts";

/** Homes of runtimes that have no ledgers are refused (exit 4). */
export const openLedgers = (place: Place, deps: Deps): Promise<OpenPlace> => openAble(place, "ledger", deps);
