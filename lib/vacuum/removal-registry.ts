// The kinds of removal, in one table: the verbs plan their own kind, and what a plan says is done whatever its kind.
import type { Removal } from "./removal-types.ts";

/** Loaded when they are needed. */
const REMOVALS = {
  "retire-session": async () => (await import("./sessions/remove-sessions.ts")).removingSessions,
  "remove-run": async () => (await import("./sessions/remove-sessions.ts")).removingSessions,
  "remove-session": async () => (await import("./sessions/remove-sessions.ts")).removingSessions,
  "purge-events": async () => (await import("./events/execute-purge.ts")).purging,
  compact: async () => (await import("./compact/execute-compaction.ts")).compacting,
  "empty-trash": async () => (await import("./trash/empty-trash.ts")).emptying,
} satisfies { readonly [verb: string]: () => Promise<Removal> };

export type RemovalVerb = keyof typeof REMOVALS;

export const REMOVAL_VERBS = Object.keys(REMOVALS) as readonly RemovalVerb[];

export const removalOf = (verb: string): Promise<Removal> => REMOVALS[verb as RemovalVerb]();
