// The count of one run.
import { ulid } from "../formats/ulid.ts";
import type { Deps } from "../records/deps.ts";
import { Tally } from "../records/summary.ts";

export const startTally = (tool: string, deps: Deps): Tally => new Tally(tool, deps, ulid(deps.now()));
