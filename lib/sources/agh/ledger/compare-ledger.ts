// What a ledger is to the events.db it was made of.
import type { DatabaseSync } from "node:sqlite";
import { splitLines, openLedger, readChunks } from "../../ledger-file.ts";
import type { Comparison } from "../../ledgers.ts";
import { withoutEnd } from "./head-line.ts";
import { countEvents, ledgerLines } from "./ledger-lines.ts";
import { withoutRaw } from "./strip-raw.ts";

/** Compares line by line; the head leniently on `ended_at`, events strictly. */
export function compareLedger(path: string, db: DatabaseSync, sessionId: string, head: string): Comparison {
  using file = openLedger(path);
  const events = countEvents(db);
  const lines = splitLines(readChunks(file));
  const first = lines.next();
  const own = first.done ? "" : first.value.toString();
  const moved = own !== head && withoutEnd(own) === withoutEnd(head) && own.endsWith("\n");
  const facts = moved ? { ended_at: true as const } : {};
  if (own !== head && !moved) return { verdict: "differs", lines: first.done ? 0 : 1, events, first_difference: 1 };
  if (events === 0) return emptied(lines, facts);
  const { verdict, lines: read, ...rest } = compareEvents(lines, splitLines(ledgerLines(db, sessionId)), moved);
  return { verdict, lines: read, events, ...rest, ...facts };
}

/** No rows are left: history lies in the ledger alone, if there ever was any. */
function emptied(lines: Iterator<Buffer>, facts: { readonly ended_at?: true }): Comparison {
  let count = 1;
  while (!lines.next().done) count++;
  return { verdict: count > 1 ? "purged" : facts.ended_at ? "ended_at" : "equal", lines: count, events: 0, ...facts };
}

type Body = Pick<Comparison, "verdict" | "lines" | "first_difference" | "raw_stripped">;

function compareEvents(ledger: Iterator<Buffer>, database: Iterator<Buffer>, moved: boolean): Body {
  let [lines, stripped] = [1, 0];
  const seen = (): { raw_stripped?: number } => (stripped > 0 ? { raw_stripped: stripped } : {});
  for (;;) {
    const [mine, theirs] = [ledger.next(), database.next()];
    if (mine.done) {
      const verdict = stripped > 0 ? "raw_stripped" : !theirs.done ? "prefix" : moved ? "ended_at" : "equal";
      return { verdict, lines, ...seen() };
    }
    lines++;
    if (!theirs.done && mine.value.equals(theirs.value)) continue;
    if (theirs.done || !withoutRaw(mine.value)?.equals(theirs.value)) {
      return { verdict: "differs", lines, first_difference: lines, ...seen() };
    }
    stripped++;
  }
}
