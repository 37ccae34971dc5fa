// Lists and empties the trash of a home.
import { openAble, type Place } from "../places/at-home.ts";
import type { Deps } from "../records/deps.ts";
import type { AnyRecord } from "../records/record.ts";
import { planEmptying, type EmptyTrash } from "./empty-trash.ts";
import { remove } from "./remove.ts";
import { trashRecords } from "./trash-entries.ts";

/** `trash` records, oldest first; `verify` reads every byte of sessions. */
export async function* listTrash(place: Place, verify: boolean, deps: Deps): AsyncGenerator<AnyRecord> {
  using opened = await openAble(place, "vacuum", deps);
  yield* trashRecords(opened.home, verify);
}

export interface EmptyTheTrash extends EmptyTrash {
  readonly place: Place;
  readonly apply: boolean;
  readonly lockTimeoutMs: number;
}

/** Yields an `action` for each run, planned or done, and a `summary`. */
export async function* emptyTrash(options: EmptyTheTrash, deps: Deps): AsyncGenerator<AnyRecord> {
  using opened = await openAble(options.place, "vacuum", deps);
  const { apply, lockTimeoutMs } = options;
  const planning = planEmptying(opened, options, deps);
  yield* remove({ tool: "agh-vacuum trash empty", opened, planning, apply, lockTimeoutMs, daemonMayRun: true }, deps);
}
