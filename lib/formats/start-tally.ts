// Starts the count of a run: lib/records, which has the count, does not know how runs are named.
import type { Deps } from "../records/deps.ts";
import { Tally } from "../records/summary.ts";
import { ulid } from "./ulid.ts";

export const startTally = (tool: string, deps: Pick<Deps, "now" | "log">): Tally =>
  new Tally(tool, deps, ulid(deps.now()));
