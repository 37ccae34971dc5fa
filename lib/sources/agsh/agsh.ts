// agsh, later named meka, as a source: one database for all sessions, whose messages are their events.
import { eventLedgers, withLedgers } from "../event-ledger.ts";
import type { Source } from "../source.ts";
import { counted, sessionPart } from "./home/contents.ts";
import { classify, roots, WELL_KNOWN } from "./home/coverage.ts";
import { agshMarkers } from "./home/detect.ts";
import { sessions } from "./sessions/sessions.ts";
import { state } from "./home/state.ts";

export const agsh: Source = {
  ...agshMarkers,
  can: new Set(["vacuum", "archive", "ledger", "reconcile", "liveness", "usage", "tool", "turn", "row"]),
  cannot: {
    runs: "its sessions are retired by agh-vacuum sessions",
    hook_run: "agsh has no hooks",
    permission: "agsh asks for permission at the keyboard and does not record the answer",
    process: "agsh does not record the processes of tools; agh-inspect sessions shows the process that locks a session",
    workspace: "agsh does not have workspaces",
    vault_ref: "agsh has no vault; the logins in its database are never shown",
    failure: "agsh does not record failures; agh-inspect sessions --crashed lists those whose process died",
  },
  state,
  sessions: (home, ...rest) => withLedgers(home, sessions(home, ...rest)),
  custody: async () => (await import("./custody/custody.ts")).custody,
  ledgers: () => Promise.resolve(eventLedgers(agsh)),
  // Loaded when called: listing sessions pays for none of them.
  async *events(...of) {
    yield* (await import("./events/events.ts")).events(...of);
  },
  reader: async (...of) => (await import("./events/events.ts")).eventsReader(...of),
  async *usage(...of) {
    yield* (await import("./events/details.ts")).usage(...of);
  },
  async *follow(...of) {
    yield* (await import("./events/follow.ts")).follow(...of);
  },
  async *records(home, kind, query, deps) {
    if (kind === "row") return yield* (await import("./catalog/tables.ts")).rows(home, query, deps);
    const { tools, turns } = await import("./events/details.ts");
    if (kind === "turn") yield* turns(home, query, deps);
    if (kind === "tool") yield* tools(home, query, deps);
  },
  candidates: async (...of) => (await import("./events/candidates.ts")).candidates(...of),
  roots,
  wellKnown: (root) => (root === "home" ? WELL_KNOWN : []),
  classify,
  counted,
  sessionPart,
  lossExplainer: async (...of) => (await import("./sessions/explain-losses.ts")).openLossExplainer(...of),
  upkeep: async () => (await import("./upkeep.ts")).upkeep,
  repairer: async () => (await import("./checks/repairer.ts")).repairer,
  cut: async (...of) => (await import("./home/cut.ts")).takeCut(...of),
};
