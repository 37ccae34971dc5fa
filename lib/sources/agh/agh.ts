// AGH as a source: what it can do, and where each part of it is read.
import type { Source } from "../source.ts";
import { lockFile } from "./home/layout.ts";
import { classify } from "./home/coverage.ts";
import { aghMarkers } from "./home/detect.ts";
import { readSessions } from "./sessions/read-sessions.ts";
import { readHomeState } from "./home/home-state.ts";
import { IN_HOME, IN_WORKSPACE } from "./home/well-known.ts";

export const agh: Source = {
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
  async *usage(...of) {
    yield* (await import("./sessions/usage.ts")).readUsage(...of);
  },
  async *follow(...of) {
    yield* (await import("./events/follow.ts")).follow(...of);
  },
  candidates: async (...of) => (await import("./events/search-candidates.ts")).findCandidates(...of),
  custody: async () => (await import("./custody/custody.ts")).custody,
  ledgers: async () => (await import("./ledger/ledgers.ts")).ledgers,
  roots: async (...of) => (await import("./home/roots.ts")).listRoots(...of),
  wellKnown: (root) => (root === "home" ? IN_HOME : root.startsWith("ws/") ? IN_WORKSPACE : []),
  classify,
  cut: async (...of) => (await import("./home/cut.ts")).takeCut(...of),
  daemonLock: ({ root }) => lockFile(root),
  boot: async (...of) => (await import("./boot/predict-boot.ts")).predictBoot(...of),
  async *compare(...of) {
    yield* (await import("./checks/compare-catalog.ts")).compareCatalog(...of);
  },
};
