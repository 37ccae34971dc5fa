// The selected events of a ledger: by type, turn, sequence, and counted from the end.
import type { Block } from "../../../records/record.ts";
import type { EventRange } from "../../source.ts";
import { ledgerEvents, ledgerRows, type LedgerRow } from "./ledger-rows.ts";

type Origin = Parameters<typeof ledgerEvents>[0];
type RowFilter = (row: LedgerRow) => boolean;

/** As those of an events.db. `tail` reads the ledger twice, so that nothing but sequences is held. */
export function* eventsInLedger(origin: Origin, range: EventRange): Generator<Block, void, undefined> {
  const isSelected = rowFilter(range);
  const after = range.afterSequence === undefined ? undefined : BigInt(range.afterSequence);
  if (range.tail === undefined) return yield* ledgerEvents(origin, isSelected, after);
  const first = tailStart(origin, range.tail, isSelected, after);
  if (first === undefined) return;
  yield* ledgerEvents(origin, (row) => BigInt(row.sequence) >= first && isSelected(row), first - 1n);
}

function rowFilter({ types, turns, afterSequence }: EventRange): RowFilter {
  const [ofType, ofTurn] = [amongTexts(types), amongTexts(turns)];
  const after = afterSequence === undefined ? undefined : BigInt(afterSequence);
  return ({ sequence, type, turn }) =>
    (after === undefined || BigInt(sequence) > after) && ofType(type) && ofTurn(turn);
}

/** Compared as JSON, which the rows are. */
function amongTexts(texts: readonly string[] | undefined): (json: string) => boolean {
  if (!texts?.length) return () => true;
  const selected = new Set(texts);
  return (json) => selected.has(JSON.parse(json) as string);
}

/** The sequence of the first of the last `count` selected rows; undefined where none is selected. */
function tailStart(
  origin: Origin,
  count: number,
  isSelected: RowFilter,
  after: bigint | undefined,
): bigint | undefined {
  const last: bigint[] = [];
  let at = 0;
  for (const row of ledgerRows(origin, after)) {
    if (!isSelected(row)) continue;
    last[at % count] = BigInt(row.sequence);
    at++;
  }
  return last.length < count ? last[0] : last[at % count];
}
