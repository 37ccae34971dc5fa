// Predicts what AGH's own start would do with a home.
import { ulid } from "../formats/ulid.ts";
import type { Deps } from "../records/deps.ts";
import { EXIT, refusal } from "../records/error.ts";
import type { AnyRecord } from "../records/record.ts";
import { Tally } from "../records/summary.ts";
import { openWithCapability, type Place } from "../places/open-with-capability.ts";

/** The `boot` record, and a `summary` whose exit is 1 when AGH would refuse. */
export async function* bootHome(place: Place, deps: Deps): AsyncGenerator<AnyRecord> {
  const tally = new Tally("agh-reconcile boot", deps, ulid(deps.now()));
  using opened = await openWithCapability(place, "reconcile", deps);
  const { home, source } = opened;
  if (!source.boot)
    throw refusal("E_CANNOT", `${home.place} is a home of ${home.runtime}: the runtime has no daemon to start`);
  const boot = await source.boot(home, deps);
  if (boot.starts) tally.done();
  else tally.failed(EXIT.found);
  yield boot;
  yield tally.summary();
}
