// AGDD and MAGSAG as a source: a project's runs are its sessions.
import { eventLedgers, withLedgers } from "../event-ledger.ts";
import type { Source } from "../source.ts";
import { counted, sessionPart } from "./home/contents.ts";
import { classify, roots, WELL_KNOWN } from "./home/coverage.ts";
import { agddMarkers } from "./home/detect.ts";
import { sessions } from "./sessions/sessions.ts";
import { state } from "./home/state.ts";

export const agdd: Source = {
  ...agddMarkers,
  can: new Set(["archive", "ledger", "vacuum", "runs", "reconcile", "usage", "failure", "tool", "row"]),
  cannot: {
    liveness: "AGDD does not record which process runs a run",
    turn: "its runs have no turns; agh-inspect events shows a run's timeline",
    hook_run: "AGDD has no hooks",
    permission: "AGDD does not ask for permissions",
    process: "AGDD does not record processes",
    workspace: "its workspace is the project directory itself",
    vault_ref: "AGDD has no vault",
  },
  state,
  sessions: (home, ...rest) => withLedgers(home, sessions(home, ...rest)),
  custody: async () => (await import("./custody/custody.ts")).custody,
  ledgers: () => Promise.resolve(eventLedgers(agdd)),
  // Loaded when called: listing sessions pays for none of them.
  async *events(...of) {
    yield* (await import("./events/events.ts")).events(...of);
  },
  reader: async (...of) => (await import("./events/events.ts")).eventsReader(...of),
  async *follow(...of) {
    yield* (await import("./events/follow.ts")).follow(...of);
  },
  candidates: async (...of) => (await import("./events/candidates.ts")).candidates(...of),
  async *usage(...of) {
    yield* (await import("./costs/usage.ts")).usage(...of);
  },
  upkeep: async () => (await import("./upkeep/upkeep.ts")).upkeep,
  repairer: async () => (await import("./checks/repairer.ts")).repairer,
  async *records(home, kind, query, deps) {
    if (kind === "tool") yield* (await import("./events/tools.ts")).tools(home, query, deps);
    if (kind === "failure") yield* (await import("./sessions/failures.ts")).failures(home, query, deps);
    if (kind === "row") yield* (await import("./catalog/tables.ts")).rows(home, query, deps);
  },
  roots,
  wellKnown: (root) => (root === "home" ? WELL_KNOWN : []),
  classify,
  counted,
  sessionPart,
  lossExplainer: async (...of) => (await import("./sessions/explain-losses.ts")).openLossExplainer(...of),
  cut: async (home) => (await import("./home/cut.ts")).takeCut(home),
};
