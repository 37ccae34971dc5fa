// The one table of findings about an AGH home, and the check that runs it.
import type { Deps } from "../../../records/deps.ts";
import type { Home } from "../../source.ts";
import { catalogFileState, catalogPages, catalogRows } from "./check-catalog.ts";
import { events } from "./check-events.ts";
import { boot } from "./check-boot.ts";
import { leftovers, modes, settings, vault } from "./check-home.ts";
import type { CheckRequest } from "../../repair.ts";
import { readCheckContext } from "./check-context.ts";
import { LEVELS, type Check, type AghFinding, type Level, type CheckContext, type AghRule } from "./check-types.ts";
import { directories } from "./check-session-dirs.ts";
import { stateMatrix } from "./check-stores.ts";

/** In the order in which they are reported. */
export const CHECKS: readonly Check[] = [
  settings,
  catalogFileState,
  catalogRows,
  stateMatrix,
  directories,
  vault,
  modes,
  leftovers,
  catalogPages,
  events,
  boot,
];

/** Every code there is. */
export const RULES: ReadonlyMap<string, AghRule & { readonly level: Level }> = new Map(
  CHECKS.flatMap(({ rules, level }) => Object.entries(rules).map(([code, rule]) => [code, { ...rule, level }])),
);

export interface CheckRun {
  readonly context: CheckContext;
  readonly findings: AsyncIterable<AghFinding>;
}

/** Reads the home and yields what is wrong with it, or worth knowing. Nothing is touched. */
export async function runChecks(home: Home, options: CheckRequest, deps: Deps): Promise<CheckRun> {
  const context = await readCheckContext(home, options, deps);
  return { context, findings: run(context) };
}

async function* run(context: CheckContext): AsyncGenerator<AghFinding> {
  const depth = LEVELS.indexOf(context.level);
  for (const check of CHECKS) {
    if (LEVELS.indexOf(check.level) <= depth) yield* check.find(context);
  }
}
