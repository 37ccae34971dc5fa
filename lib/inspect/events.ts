// The verb `events`: timelines one after the other, or all merged by time.
import type { Place } from "../places/open-with-capability.ts";
import { openPlace, type OpenPlace } from "../places/place.ts";
import type { Deps } from "../records/deps.ts";
import { usageError } from "../records/error.ts";
import { Block, encode } from "../records/record.ts";
import type { SessionRecord } from "../records/runtime-kinds.ts";
import { untilUnreadable } from "../records/stream.ts";
import { openEventsReader } from "../sources/read-events.ts";
import { sortable } from "../sources/selection.ts";
import type { EventRange, EventsReader, SessionFilter } from "../sources/source.ts";
import { mergeStreams, type EventStream } from "./merge-events.ts";

export interface EventQuery {
  readonly sessions: SessionFilter;
  readonly range: EventRange;
  /** Merged by time instead of session by session. */
  readonly merge: boolean;
  /** Goes on with what is written later, until nothing came for so many ms. */
  readonly follow?: { readonly idleExit: number | undefined };
}

/** `event` records. One session that cannot be read fails the command; among several it is a problem (exit 3). */
export async function* listEvents(where: Place, query: EventQuery, deps: Deps): AsyncGenerator<Block> {
  using place = await openPlace(where.home, where, deps);
  const chosen = await selectSessions(place, query, deps);
  if (query.follow) return yield* follow(place, chosen, query, deps);
  using reader = await openEventsReader(place.source, place.home, deps);
  const streams = chosen.map((session) => streamOf(session, query.range, reader));
  const safe = streams.length === 1 ? streams : streams.map((stream) => skipUnreadable(stream, deps));
  if (query.merge) yield* mergeStreams(safe);
  else for (const stream of safe) yield* stream.after(query.range.afterSequence);
}

type SelectedSession = Pick<SessionRecord, "id" | "created_at">;

/** Named sessions are read even without events, so that the error is reported; of the others only those with events. */
async function selectSessions(
  { home, source }: OpenPlace,
  { sessions }: EventQuery,
  deps: Deps,
): Promise<SelectedSession[]> {
  const chosen: SelectedSession[] = [];
  for await (const session of source.sessions(home, sessions, deps)) {
    if (sessions.ids?.length || session.has.events || session.has.archive) {
      chosen.push({ id: session.id, created_at: session.created_at });
    }
  }
  return chosen;
}

async function* follow(
  { home, source }: OpenPlace,
  chosen: readonly SelectedSession[],
  { range, follow: followOptions }: EventQuery,
  deps: Deps,
): AsyncGenerator<Block> {
  if (!source.follow || !home.live) throw usageError(`${home.place} does not change: there is nothing to follow`);
  const sessionIds = chosen.map(({ id }) => id);
  yield* source.follow(home, { sessionIds, range, idleExit: followOptions?.idleExit }, deps);
}

function streamOf({ id, created_at }: SelectedSession, range: EventRange, reader: EventsReader): EventStream {
  return {
    startsAt: sortable(created_at ?? ""),
    async *after(sequence) {
      const from = sequence === undefined ? range : { ...range, afterSequence: sequence };
      for await (const item of reader.events(id, from)) {
        yield item instanceof Block ? item : new Block(Buffer.from(encode(item)), 1);
      }
    },
  };
}

/** A session that cannot be read does not stop the others. */
const skipUnreadable = (stream: EventStream, { log }: Deps): EventStream => ({
  ...stream,
  after: (sequence) => untilUnreadable(stream.after(sequence), log),
});
