// AGH as a source: what it can do, and where each part of it is read.
import type { Source } from "../source.ts";
import { classify } from "./coverage.ts";
import { marks } from "./marks.ts";
import { sessions } from "./sessions.ts";
import { state } from "./state.ts";
import { IN_HOME, IN_WORKSPACE } from "./well-known.ts";

export const agh: Source = {
  ...marks,
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
  state,
  sessions,
  // Loaded when called: listing sessions pays for none of them.
  async *events(...of) {
    yield* (await import("./events.ts")).events(...of);
  },
  async *usage(...of) {
    yield* (await import("./usage.ts")).usage(...of);
  },
  async *follow(...of) {
    yield* (await import("./follow.ts")).follow(...of);
  },
  candidates: async (...of) => (await import("./candidates.ts")).candidates(...of),
  ledgers: async () => (await import("./ledgers.ts")).ledgers,
  roots: async (...of) => (await import("./roots.ts")).roots(...of),
  wellKnown: (root) => (root === "home" ? IN_HOME : root.startsWith("ws/") ? IN_WORKSPACE : []),
  classify,
  cut: async (...of) => (await import("./cut.ts")).takeCut(...of),
  boot: async (...of) => (await import("./boot.ts")).predictBoot(...of),
  async *compare(...of) {
    yield* (await import("./catalog-against-directories.ts")).compareCatalog(...of);
  },
};
