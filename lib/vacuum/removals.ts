// The kinds of removal, in one table: the verbs plan their own kind, and what a plan says is done whatever its kind.
import type { Removal } from "./actions.ts";

/** Loaded when they are needed. */
const REMOVALS = {
  "retire-session": async () => (await import("./retire.ts")).retiring,
  "remove-run": async () => (await import("./runs-remove.ts")).removingRuns,
  "remove-session": async () => (await import("./row-sessions-remove.ts")).removingSessions,
  "purge-events": async () => (await import("./purge.ts")).purging,
  compact: async () => (await import("./compaction.ts")).compacting,
  "empty-trash": async () => (await import("./empty-trash.ts")).emptying,
} satisfies { readonly [verb: string]: () => Promise<Removal> };

export type RemovalVerb = keyof typeof REMOVALS;

export const REMOVAL_VERBS = Object.keys(REMOVALS) as readonly RemovalVerb[];

export const removalOf = (verb: string): Promise<Removal> => REMOVALS[verb as RemovalVerb]();
