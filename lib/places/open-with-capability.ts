// Opens what `--home` names for a verb, and refuses in one place what its runtime cannot do.
import type { Deps } from "../records/deps.ts";
import { refusal } from "../records/error.ts";
import type { Ability } from "../sources/source.ts";
import { openPlace } from "./place.ts";
import type { OpenPlace, PlaceOptions } from "./detect-source.ts";

export interface Place extends PlaceOptions {
  readonly home?: string | undefined;
}

/** An open home whose runtime can do what is asked; another is refused (exit 4), saying why. */
export async function openWithCapability(place: Place, ability: Ability, deps: Deps): Promise<OpenPlace> {
  const opened = await openPlace(place.home, place, deps);
  if (opened.source.can.has(ability)) return opened;
  opened[Symbol.dispose]();
  const { home, source } = opened;
  const why = source.cannot?.[ability] ?? `${home.runtime} has no ${WORDS[ability] ?? `${ability} records`}`;
  throw refusal("E_CANNOT", `${home.place} is a home of ${home.runtime}: ${why}`);
}

const WORDS: { readonly [ability in Ability]?: string } = {
  archive: "sessions that can be archived",
  reconcile: "state that is checked",
  ledger: "ledgers",
  vacuum: "state that is vacuumed",
  runs: "runs of AGDD's kind: agh-vacuum sessions removes its sessions",
};
