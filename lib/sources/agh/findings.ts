// The one table of findings about an AGH home, and the check that runs it.
import type { Deps } from "../../records/deps.ts";
import type { Home } from "../source.ts";
import { catalogFileState, catalogPages, catalogRows } from "./findings-catalog.ts";
import { events } from "./findings-events.ts";
import { leftovers, modes, settings, vault } from "./findings-home.ts";
import { lookAt, type Looking } from "./findings-look.ts";
import { LEVELS, type Check, type Found, type Level, type Look, type Rule } from "./findings-rule.ts";
import { directories } from "./findings-session.ts";
import { truth } from "./truth.ts";

/** In the order in which they are told. */
export const CHECKS: readonly Check[] = [
  settings,
  catalogFileState,
  catalogRows,
  truth,
  directories,
  vault,
  modes,
  leftovers,
  catalogPages,
  events,
];

/** Every code there is. */
export const RULES: ReadonlyMap<string, Rule & { readonly level: Level }> = new Map(
  CHECKS.flatMap(({ rules, level }) => Object.entries(rules).map(([code, rule]) => [code, { ...rule, level }])),
);

export interface Judged {
  readonly look: Look;
  readonly found: AsyncIterable<Found>;
}

/** Reads the home and yields what is wrong with it, or worth knowing. Nothing is touched. */
export async function judge(home: Home, looking: Looking, deps: Deps): Promise<Judged> {
  const look = await lookAt(home, looking, deps);
  return { look, found: run(look) };
}

async function* run(look: Look): AsyncGenerator<Found> {
  const depth = LEVELS.indexOf(look.level);
  for (const check of CHECKS) {
    if (LEVELS.indexOf(check.level) <= depth) yield* check.find(look);
  }
}
