// Turns of the selected sessions: prompt, text, tools, usage.
import type { Item } from "../records/record.ts";
import { eachSession } from "../sources/agh/each-session.ts";
import { turns as turnsIn } from "../sources/agh/turns.ts";
import type { SessionFilter } from "../sources/source.ts";
import { atHome } from "./at-home.ts";
import { take } from "./take.ts";

export interface TurnQuery {
  readonly sessions: SessionFilter;
  /** Hook dispatches and lifecycle steps, which have turn ids of their own, as well. */
  readonly all: boolean;
  readonly limit: number | undefined;
}

/** `turn` records, in order within each session. */
export const turns = atHome("turn", async function* (home, query: TurnQuery, deps): AsyncGenerator<Item> {
  const found = eachSession(home, query.sessions, deps, function* (db, session) {
    for (const turn of turnsIn(db, query.all)) {
      yield { kind: "turn", runtime: home.runtime, home: home.place, session_id: session.id, ...turn };
    }
  });
  yield* take(found, query.limit);
});
