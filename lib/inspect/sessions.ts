// The verb `sessions`: what every place's source says.
import { openPlace, type PlaceOptions } from "../places/place.ts";
import type { Deps } from "../records/deps.ts";
import type { SessionRecord } from "../records/things.ts";
import type { SessionFilter } from "../sources/source.ts";

export interface Where extends PlaceOptions {
  readonly home?: string | undefined;
}

/** `session` records of one place. */
export async function* listSessions(where: Where, filter: SessionFilter, deps: Deps): AsyncGenerator<SessionRecord> {
  using place = await openPlace(where.home, where, deps);
  yield* place.source.sessions(place.home, filter, deps);
}
