// agsh, later named meka, as a source: one database for all sessions, whose messages are their events.
import { eventLedgers, withLedgers } from "../event-ledger.ts";
import type { Source } from "../source.ts";
import { classify, roots, WELL_KNOWN } from "./coverage.ts";
import { marks } from "./marks.ts";
import { sessions } from "./sessions.ts";
import { state } from "./state.ts";

export const agsh: Source = {
  ...marks,
  can: new Set(["vacuum", "archive", "ledger", "reconcile", "liveness", "usage", "tool", "turn", "row"]),
  cannot: {
    runs: "its sessions are retired by agh-vacuum sessions",
    hook_run: "agsh has no hooks",
    permission: "agsh asks at the keyboard and writes no answer down",
    process: "agsh writes down no processes of tools; agh-inspect sessions shows the process that holds a session",
    workspace: "agsh knows no workspaces",
    vault_ref: "agsh has no vault; the logins in its database are never shown",
    failure: "agsh writes no failures down; agh-inspect sessions --crashed lists those whose process died",
  },
  state,
  sessions: (home, ...rest) => withLedgers(home, sessions(home, ...rest)),
  archival: async () => (await import("./archival.ts")).archival,
  ledgers: () => Promise.resolve(eventLedgers(agsh)),
  // Loaded when called: listing sessions pays for none of them.
  async *events(...of) {
    yield* (await import("./events.ts")).events(...of);
  },
  reader: async (...of) => (await import("./events.ts")).eventsReader(...of),
  async *usage(...of) {
    yield* (await import("./details.ts")).usage(...of);
  },
  async *follow(...of) {
    yield* (await import("./follow.ts")).follow(...of);
  },
  async *records(home, kind, query, deps) {
    if (kind === "row") return yield* (await import("./tables.ts")).rows(home, query, deps);
    const { tools, turns } = await import("./details.ts");
    if (kind === "turn") yield* turns(home, query, deps);
    if (kind === "tool") yield* tools(home, query, deps);
  },
  candidates: async (...of) => (await import("./candidates.ts")).candidates(...of),
  roots,
  wellKnown: (root) => (root === "home" ? WELL_KNOWN : []),
  classify,
  reconciling: async () => (await import("./reconciling.ts")).reconciling,
  cut: async (...of) => (await import("./cut.ts")).takeCut(...of),
};
