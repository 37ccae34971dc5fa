// AGDD and MAGSAG as a source: a project's runs are its sessions.
import { eventLedgers, withLedgers } from "../event-ledger.ts";
import type { Source } from "../source.ts";
import { classify, roots, WELL_KNOWN } from "./coverage.ts";
import { marks } from "./marks.ts";
import { sessions } from "./sessions.ts";
import { state } from "./state.ts";

export const agdd: Source = {
  ...marks,
  can: new Set(["archive", "ledger", "vacuum", "runs", "reconcile", "usage", "failure", "tool", "row"]),
  cannot: {
    liveness: "AGDD writes down no process that could be asked for",
    turn: "its runs have no turns; agh-inspect events shows a run's timeline",
    hook_run: "AGDD has no hooks",
    permission: "AGDD asks for no permissions",
    process: "AGDD writes down no processes",
    workspace: "its workspace is the project directory itself",
    vault_ref: "AGDD has no vault",
  },
  state,
  sessions: (home, ...rest) => withLedgers(home, sessions(home, ...rest)),
  archival: async () => (await import("./archival.ts")).archival,
  ledgers: () => Promise.resolve(eventLedgers(agdd)),
  // Loaded when called: listing sessions pays for none of them.
  async *events(...of) {
    yield* (await import("./events.ts")).events(...of);
  },
  reader: async (...of) => (await import("./events.ts")).eventsReader(...of),
  async *follow(...of) {
    yield* (await import("./follow.ts")).follow(...of);
  },
  candidates: async (...of) => (await import("./candidates.ts")).candidates(...of),
  async *usage(...of) {
    yield* (await import("./usage.ts")).usage(...of);
  },
  reconciling: async () => (await import("./reconciling.ts")).reconciling,
  async *records(home, kind, query, deps) {
    if (kind === "tool") yield* (await import("./tools.ts")).tools(home, query, deps);
    if (kind === "failure") yield* (await import("./failures.ts")).failures(home, query, deps);
    if (kind === "row") yield* (await import("./tables.ts")).rows(home, query, deps);
  },
  roots,
  wellKnown: (root) => (root === "home" ? WELL_KNOWN : []),
  classify,
  cut: async (home) => (await import("./cut.ts")).takeCut(home),
};
