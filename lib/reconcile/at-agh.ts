// Opens the AGH home that a place names, for verbs that judge or mend it.
import { openPlace, type OpenPlace, type PlaceOptions } from "../places/place.ts";
import type { Deps } from "../records/deps.ts";
import { refusal } from "../records/error.ts";

export interface Place extends PlaceOptions {
  readonly home?: string | undefined;
}

/** Homes of other runtimes are refused (exit 4). */
export async function openAgh(place: Place, deps: Deps): Promise<OpenPlace> {
  const opened = await openPlace(place.home, place, deps);
  if (opened.source.can.has("reconcile")) return opened;
  opened[Symbol.dispose]();
  throw refusal("E_CANNOT", `${opened.home.place} is a home of ${opened.home.runtime}, which is not checked yet`);
}
