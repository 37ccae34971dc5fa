// The verb `sessions`: the sessions that a place's source lists.
import type { Place } from "../places/open-with-capability.ts";
import { openPlace } from "../places/place.ts";
import type { Deps } from "../records/deps.ts";
import type { SessionRecord } from "../records/runtime-kinds.ts";
import type { SessionFilter } from "../sources/source.ts";

/** `session` records of one place. */
export async function* listSessions(where: Place, filter: SessionFilter, deps: Deps): AsyncGenerator<SessionRecord> {
  using place = await openPlace(where.home, where, deps);
  yield* place.source.sessions(place.home, filter, deps);
}
