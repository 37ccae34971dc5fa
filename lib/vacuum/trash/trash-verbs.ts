// Lists and empties the trash of a home.
import { openWithCapability, type Place } from "../../places/open-with-capability.ts";
import type { Deps } from "../../records/deps.ts";
import type { AnyRecord } from "../../records/record.ts";
import { planEmptyTrash, type EmptyTrash } from "./empty-trash.ts";
import { runRemovals } from "../run-removals.ts";
import { trashRecords } from "./trash-records.ts";

/** `trash` records, oldest first; `verify` reads every byte of sessions. */
export async function* listTrash(place: Place, verify: boolean, deps: Deps): AsyncGenerator<AnyRecord> {
  using opened = await openWithCapability(place, "vacuum", deps);
  yield* trashRecords(opened.home, verify);
}

export interface EmptyTheTrash extends EmptyTrash {
  readonly place: Place;
  readonly apply: boolean;
  readonly lockTimeoutMs: number;
}

/** Yields an `action` for each run, planned or done, and a `summary`. */
export async function* emptyTrash(options: EmptyTheTrash, deps: Deps): AsyncGenerator<AnyRecord> {
  using opened = await openWithCapability(options.place, "vacuum", deps);
  const { apply, lockTimeoutMs } = options;
  const planning = planEmptyTrash(opened, options, deps);
  yield* runRemovals(
    { tool: "agh-vacuum trash empty", opened, planning, apply, lockTimeoutMs, daemonMayRun: true },
    deps,
  );
}
