// The verb `events`: timelines one after the other, or all merged by time.
import { openPlace, type OpenPlace } from "../places/place.ts";
import type { Deps } from "../records/deps.ts";
import { ToolError, asPartial, usageError } from "../records/error.ts";
import { Block, encode } from "../records/record.ts";
import type { SessionRecord } from "../records/things.ts";
import { readerOf } from "../sources/reader-of.ts";
import { sortable } from "../sources/selection.ts";
import type { EventRange, EventsReader, SessionFilter } from "../sources/source.ts";
import { merged, type Strand } from "./merge.ts";
import type { Where } from "./sessions.ts";

export interface EventQuery {
  readonly sessions: SessionFilter;
  readonly range: EventRange;
  /** Merged by time instead of session by session. */
  readonly merge: boolean;
  /** Goes on with what is written later, until nothing came for so many ms. */
  readonly follow?: { readonly idleExit: number | undefined };
}

/** `event` records. One session that cannot be read fails the command; among several it is a problem (exit 3). */
export async function* listEvents(where: Where, query: EventQuery, deps: Deps): AsyncGenerator<Block> {
  using place = await openPlace(where.home, where, deps);
  const chosen = await choose(place, query, deps);
  if (query.follow) return yield* follow(place, chosen, query, deps);
  using reader = await readerOf(place.source, place.home, deps);
  const strands = chosen.map((session) => strandOf(session, query.range, reader));
  const safe = strands.length === 1 ? strands : strands.map((strand) => forgiving(strand, deps));
  if (query.merge) yield* merged(safe);
  else for (const strand of safe) yield* strand.after(query.range.afterSequence);
}

type Chosen = Pick<SessionRecord, "id" | "created_at">;

/** What is named is asked for even where nothing is left, so that it is told; of all the others only what has events. */
async function choose({ home, source }: OpenPlace, { sessions }: EventQuery, deps: Deps): Promise<Chosen[]> {
  const chosen: Chosen[] = [];
  for await (const session of source.sessions(home, sessions, deps)) {
    if (sessions.ids?.length || session.has.events || session.has.archive) {
      chosen.push({ id: session.id, created_at: session.created_at });
    }
  }
  return chosen;
}

async function* follow(
  { home, source }: OpenPlace,
  chosen: readonly Chosen[],
  { range, follow: wish }: EventQuery,
  deps: Deps,
): AsyncGenerator<Block> {
  if (!source.follow || !home.live) throw usageError(`${home.place} does not change: there is nothing to follow`);
  const sessionIds = chosen.map(({ id }) => id);
  yield* source.follow(home, { sessionIds, range, idleExit: wish?.idleExit }, deps);
}

function strandOf({ id, created_at }: Chosen, range: EventRange, reader: EventsReader): Strand {
  return {
    begins: sortable(created_at ?? ""),
    async *after(sequence) {
      const from = sequence === undefined ? range : { ...range, afterSequence: sequence };
      for await (const item of reader.events(id, from)) {
        yield item instanceof Block ? item : new Block(Buffer.from(encode(item)), 1);
      }
    },
  };
}

/** A session that cannot be read does not stop the others. */
function forgiving(strand: Strand, deps: Deps): Strand {
  return {
    ...strand,
    async *after(sequence) {
      try {
        yield* strand.after(sequence);
      } catch (error) {
        if (!(error instanceof ToolError)) throw error;
        deps.log.problem(asPartial(error));
      }
    },
  };
}
