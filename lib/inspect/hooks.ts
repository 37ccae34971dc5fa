// Hook runs of the selected sessions.
import type { Item } from "../records/record.ts";
import { eachDatabase } from "../sources/agh/each-session.ts";
import { exactLine } from "../sources/agh/exact.ts";
import { hookRuns, type HookQuery } from "../sources/agh/hooks.ts";
import type { SessionFilter } from "../sources/source.ts";
import { atHome } from "./at-home.ts";
import { inBlocks } from "./in-blocks.ts";
import { take } from "./take.ts";

export interface HooksQuery extends HookQuery {
  readonly sessions: SessionFilter;
  readonly limit: number | undefined;
}

/** `hook_run` records, newest first within each session. */
export const hooks = atHome("hook_run", async function* (home, query: HooksQuery, deps): AsyncGenerator<Item> {
  const found = eachDatabase(home, query.sessions, deps, function* (db, session) {
    for (const run of hookRuns(db, query)) {
      yield exactLine({
        kind: "hook_run",
        runtime: home.runtime,
        home: home.place,
        session_id: session.id,
        ...run,
      });
    }
  });
  yield* inBlocks(take(found, query.limit));
});
