// Turns of the selected sessions: prompt, text, tools, usage.
import type { Item } from "../records/record.ts";
import { eachSession } from "../sources/agh/events/each-session.ts";
import { readTurns as turnsIn } from "../sources/agh/sessions/turns.ts";
import type { SessionFilter } from "../sources/source.ts";
import { detailVerb } from "./detail-verb.ts";
import { limit } from "./limit.ts";

export interface TurnQuery {
  readonly sessions: SessionFilter;
  /** Hook dispatches and lifecycle steps, which have turn ids of their own, as well. */
  readonly all: boolean;
  readonly limit: number | undefined;
}

/** `turn` records, in order within each session. */
export const turns = detailVerb("turn", async function* (home, query: TurnQuery, deps): AsyncGenerator<Item> {
  const found = eachSession(home, query.sessions, deps, function* (db, session) {
    for (const turn of turnsIn(db, query.all)) {
      yield { kind: "turn", runtime: home.runtime, home: home.place, session_id: session.id, ...turn };
    }
  });
  yield* limit(found, query.limit);
});
