// One question to a home that is opened for it alone.
import type { EventRecord, MatchRecord, SessionRecord, UsageRecord } from "../records/runtime-kinds.ts";
import type { SessionFilter } from "../sources/source.ts";
import type { EventsOptions, OpenHomeOptions, SearchOptions, UsageOptions } from "./home-options.ts";
import { openHome, type OpenHome } from "./home.ts";

type PlaceName = string | undefined;

async function* ask<T>(
  place: PlaceName,
  options: OpenHomeOptions,
  question: (home: OpenHome) => AsyncIterable<T>,
): AsyncGenerator<T, void, undefined> {
  using home = await openHome(place, options);
  yield* question(home);
}

export const listSessions = (
  place?: string,
  filter: SessionFilter = {},
  options: OpenHomeOptions = {},
): AsyncIterable<SessionRecord> => ask(place, options, (home) => home.sessions(filter));

export const readEvents = (place?: string, options: EventsOptions & OpenHomeOptions = {}): AsyncIterable<EventRecord> =>
  ask(place, options, (home) => home.events(options));

export const search = (
  place: PlaceName,
  query: string,
  options: SearchOptions & OpenHomeOptions = {},
): AsyncIterable<MatchRecord> => ask(place, options, (home) => home.search(query, options));

export const usage = (place?: string, options: UsageOptions & OpenHomeOptions = {}): AsyncIterable<UsageRecord> =>
  ask(place, options, (home) => home.usage(options));
