// Hook runs of the selected sessions.
import type { Item } from "../records/record.ts";
import { eachDatabase } from "../sources/agh/events/each-session.ts";
import { encodeExactLine } from "../sources/agh/sessions/exact-line.ts";
import { readHookRuns, type HookQuery } from "../sources/agh/sessions/hooks.ts";
import type { SessionFilter } from "../sources/source.ts";
import { detailVerb } from "./detail-verb.ts";
import { toBlocks } from "./line-blocks.ts";
import { limit } from "./limit.ts";

export interface HooksQuery extends HookQuery {
  readonly sessions: SessionFilter;
  readonly limit: number | undefined;
}

/** `hook_run` records, newest first within each session. */
export const hooks = detailVerb("hook_run", async function* (home, query: HooksQuery, deps): AsyncGenerator<Item> {
  const found = eachDatabase(home, query.sessions, deps, function* (db, session) {
    for (const run of readHookRuns(db, query)) {
      yield encodeExactLine({
        kind: "hook_run",
        runtime: home.runtime,
        home: home.place,
        session_id: session.id,
        ...run,
      });
    }
  });
  yield* toBlocks(limit(found, query.limit));
});
