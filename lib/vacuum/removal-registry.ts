// The kinds of removal, in one table: the verbs plan their own kind, and what a plan says is done whatever its kind.
import type { Removal } from "./removal-types.ts";

/** Loaded when they are needed. */
const REMOVALS = {
  "retire-session": async () => (await import("./sessions/execute-retirement.ts")).retiring,
  "remove-run": async () => (await import("./runs/remove-runs.ts")).removingRuns,
  "remove-session": async () => (await import("./sessions/remove-rows.ts")).removingSessions,
  "purge-events": async () => (await import("./events/execute-purge.ts")).purging,
  compact: async () => (await import("./compact/execute-compaction.ts")).compacting,
  "empty-trash": async () => (await import("./trash/empty-trash.ts")).emptying,
} satisfies { readonly [verb: string]: () => Promise<Removal> };

export type RemovalVerb = keyof typeof REMOVALS;

export const REMOVAL_VERBS = Object.keys(REMOVALS) as readonly RemovalVerb[];

export const removalOf = (verb: string): Promise<Removal> => REMOVALS[verb as RemovalVerb]();
