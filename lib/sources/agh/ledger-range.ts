// The wanted events of a ledger: by type, turn, sequence, and counted from the end.
import type { Block } from "../../records/record.ts";
import type { EventRange } from "../source.ts";
import { ledgerEvents, ledgerRows, type LedgerRow } from "./ledger-events.ts";

type Origin = Parameters<typeof ledgerEvents>[0];
type Wanted = (row: LedgerRow) => boolean;

/** As those of an events.db. `tail` reads the ledger twice, so that nothing but sequences is held. */
export function* eventsInLedger(origin: Origin, range: EventRange): Generator<Block, void, undefined> {
  const wanted = wantedIn(range);
  const after = range.afterSequence === undefined ? undefined : BigInt(range.afterSequence);
  if (range.tail === undefined) return yield* ledgerEvents(origin, wanted, after);
  const first = tailStart(origin, range.tail, wanted, after);
  if (first === undefined) return;
  yield* ledgerEvents(origin, (row) => BigInt(row.sequence) >= first && wanted(row), first - 1n);
}

function wantedIn({ types, turns, afterSequence }: EventRange): Wanted {
  const [ofType, ofTurn] = [amongTexts(types), amongTexts(turns)];
  const after = afterSequence === undefined ? undefined : BigInt(afterSequence);
  return ({ sequence, type, turn }) =>
    (after === undefined || BigInt(sequence) > after) && ofType(type) && ofTurn(turn);
}

/** Compared as JSON, which the rows are. */
function amongTexts(texts: readonly string[] | undefined): (json: string) => boolean {
  if (!texts?.length) return () => true;
  const wanted = new Set(texts);
  return (json) => wanted.has(JSON.parse(json) as string);
}

/** The sequence of the last `count` wanted rows' first; undefined where none is wanted. */
function tailStart(origin: Origin, count: number, wanted: Wanted, after: bigint | undefined): bigint | undefined {
  const last: bigint[] = [];
  let at = 0;
  for (const row of ledgerRows(origin, after)) {
    if (!wanted(row)) continue;
    last[at % count] = BigInt(row.sequence);
    at++;
  }
  return last.length < count ? last[0] : last[at % count];
}
