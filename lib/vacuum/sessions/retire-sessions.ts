// Retires sessions by a policy: the plan, and with `apply` the deed.
import { scratchDir } from "../../files/scratch.ts";
import { openWithCapability, type Place } from "../../places/open-with-capability.ts";
import type { Deps } from "../../records/deps.ts";
import { refusal } from "../../records/error.ts";
import type { AnyRecord } from "../../records/record.ts";
import { archiveDir } from "../../sources/agh/home/layout.ts";
import type { Home } from "../../sources/source.ts";
import { runRemovals } from "../run-removals.ts";
import { planRetirement, type RetirementOptions } from "./plan.ts";
import { planRowRetirement } from "./plan-rows.ts";

export interface RetireSessions extends Omit<RetirementOptions, "archive"> {
  readonly place: Place;
  /** [] is the runtime's own: of AGH archived, of agsh none. */
  readonly require: RetirementOptions["require"];
  /** `session-archive` in the home unless given. */
  readonly archive: string | undefined;
  /** Ids of the homes that the selection says it is of. */
  readonly homeIds: ReadonlySet<string>;
  readonly apply: boolean;
  readonly lockTimeoutMs: number;
}

/** Yields an `action` for each session that goes, or that a gate holds (3), and a `summary`; 1 where a bound cannot be met. */
export async function* retireSessions(options: RetireSessions, deps: Deps): AsyncGenerator<AnyRecord> {
  using opened = await openWithCapability(options.place, "vacuum", deps);
  using scratch = scratchDir(deps.env);
  const { home } = opened;
  if (home.runtime === "agdd")
    throw refusal("E_CANNOT", `${home.place} is a home of agdd`, "agh-vacuum runs --hot-days N");
  assertOwn(options.homeIds, home);
  const { apply, lockTimeoutMs } = options;
  const planning =
    home.runtime === "agsh"
      ? planRowRetirement(opened, options, deps)
      : planRetirement(opened, withDefaults(options, home), scratch, deps);
  yield* runRemovals({ tool: "agh-vacuum sessions", opened, planning, apply, lockTimeoutMs }, deps);
}

/** AGH's sessions must be archived in the home, unless something else is asked for. */
const withDefaults = (options: RetireSessions, { root }: Home) => ({
  ...options,
  require: options.require.length > 0 ? options.require : (["archived"] as const),
  archive: options.archive ?? archiveDir(root),
});

function assertOwn(ids: ReadonlySet<string>, { id, place }: Home): void {
  const guest = [...ids].find((one) => one !== id);
  if (guest === undefined) return;
  throw refusal(
    "E_OTHER_HOME",
    `the selection was made in home ${guest}, but ${place} is home ${id}`,
    "name the home: --home DIR",
  );
}
