// Reads the events of many sessions of one home, whatever its runtime keeps open for that.
import type { Deps } from "../records/deps.ts";
import type { EventsReader, Home, Source } from "./source.ts";

export async function openEventsReader(
  source: Pick<Source, "events" | "reader">,
  home: Home,
  deps: Deps,
): Promise<EventsReader> {
  const each: EventsReader = {
    events: (id, range) => source.events(home, id, range, deps),
    [Symbol.dispose]() {},
  };
  return (await source.reader?.(home, deps)) ?? each;
}
