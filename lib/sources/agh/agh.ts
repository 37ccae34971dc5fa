// AGH as a source: what it can do, and where each part of it is read.
import type { Block, AnyRecord } from "../../records/record.ts";
import type { Deps } from "../../records/deps.ts";
import type { DetailKind, DetailQuery, Home, Source } from "../source.ts";
import { lockFile } from "./home/layout.ts";
import { counted, sessionPart } from "./home/contents.ts";
import { classify } from "./home/coverage.ts";
import { aghMarkers } from "./home/detect.ts";
import { readSessions } from "./sessions/read-sessions.ts";
import { readHomeState } from "./home/home-state.ts";
import { sessionLayout } from "./home/session-layout.ts";
import { IN_HOME, IN_WORKSPACE } from "./home/well-known.ts";

type DetailReader = (home: Home, query: DetailQuery, deps: Deps) => AsyncIterable<Block | AnyRecord>;

/** Each is loaded when its records are asked for. */
const DETAILS: { readonly [kind in DetailKind]?: () => Promise<DetailReader> } = {
  turn: async () => (await import("./details/turns.ts")).turns,
  tool: async () => (await import("./details/tools.ts")).tools,
  hook_run: async () => (await import("./details/hooks.ts")).hookRuns,
  permission: async () => (await import("./details/permissions.ts")).permissions,
  process: async () => (await import("./details/processes.ts")).processes,
  workspace: async () => (await import("./details/workspaces.ts")).workspaces,
  vault_ref: async () => (await import("./details/vault.ts")).vaultRefs,
  failure: async () => (await import("./details/failures.ts")).failures,
  row: async () => (await import("./details/tables.ts")).rows,
};

export const agh: Source = {
  sessionsAreDatabases: true,
  ...aghMarkers,
  can: new Set([
    "archive",
    "reconcile",
    "ledger",
    "vacuum",
    "liveness",
    "usage",
    "hook_run",
    "permission",
    "process",
    "workspace",
    "vault_ref",
    "failure",
    "tool",
    "turn",
    "row",
  ]),
  state: readHomeState,
  sessions: readSessions,
  // Loaded when called: listing sessions pays for none of them.
  async *events(...of) {
    yield* (await import("./events/stream-events.ts")).streamEvents(...of);
  },
  eventColumns: async (...of) => (await import("./events/columns-reader.ts")).openEventColumns(...of),
  eventTypes: async (...of) => (await import("./upkeep/event-space.ts")).countEventTypes(...of),
  sessionPaths: async (...of) => (await import("./sessions/session-files.ts")).listSessionFiles(...of),
  async *usage(...of) {
    yield* (await import("./details/usage.ts")).readUsage(...of);
  },
  async *records(home, kind, query, deps) {
    const read = await DETAILS[kind]?.();
    if (read) yield* read(home, query, deps);
  },
  async *follow(...of) {
    yield* (await import("./events/follow.ts")).follow(...of);
  },
  candidates: async (...of) => (await import("./events/search-candidates.ts")).findCandidates(...of),
  custody: async () => (await import("./custody/custody.ts")).custody,
  writesLedgers: true,
  ledgers: async () => (await import("./ledger/ledgers.ts")).ledgers,
  upkeep: async () => (await import("./upkeep/upkeep.ts")).upkeep,
  roots: async (...of) => (await import("./home/roots.ts")).listRoots(...of),
  wellKnown: (root) => (root === "home" ? IN_HOME : root.startsWith("ws/") ? IN_WORKSPACE : []),
  classify,
  counted,
  sessionPart,
  lossExplainer: async (...of) => (await import("./sessions/explain-losses.ts")).openLossExplainer(...of),
  cut: async (...of) => (await import("./home/cut.ts")).takeCut(...of),
  daemonLock: ({ root }) => lockFile(root),
  sessionLayout,
  completeCatalog: async (...of) => (await import("./custody/complete-catalog.ts")).completeCatalog(...of),
  databaseCheck: async () => (await import("./checks/check-database.ts")).checkDatabase,
  boot: async (...of) => (await import("./boot/predict-boot.ts")).predictBoot(...of),
  repairer: async () => (await import("./repair/repairer.ts")).repairer,
};
