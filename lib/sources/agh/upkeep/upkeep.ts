// AGH's upkeep: the policy that config.toml sets, its databases, the rows that its ledgers hold as well, where its bytes are.
import { catalogFile, CATALOG, EVENTS, sessionsDir } from "../home/layout.ts";
import { PARTS } from "../../../formats/archive/receipt.ts";
import type { Upkeep } from "../../upkeep.ts";
import { resolveWorkspaceIds } from "../catalog/workspace-ids.ts";
import { listAgentNames } from "./agent-names.ts";
import { purgeGrace } from "./purge-grace.ts";
import { readRetirementRules } from "./retirement-rules.ts";
import { activeSessions, measureCatalog, placeOf, SESSION_ARCHIVE } from "./space.ts";

export const upkeep: Upkeep = {
  retirement: {
    floors: {
      agents: ({ root }) => listAgentNames(root),
      workspaces: (words, { root }, deps) => resolveWorkspaceIds(words, root, deps),
    },
    rules: ({ root }) => readRetirementRules(root),
  },
  databases: {
    catalog: CATALOG,
    part: `${PARTS.session}/${EVENTS}`,
    below: ({ root }) => sessionsDir(root),
    list: async (...of) => (await import("./databases.ts")).listDatabases(...of),
  },
  purge: {
    loses:
      "nothing of the history: the ledger has every event byte for byte, and agh-inspect continues from it; AGH itself shows no events of the session any more",
    grace: ({ root }) => purgeGrace(root),
    open: async (...of) => (await import("./purge.ts")).openPurge(...of),
  },
  space: {
    place: placeOf,
    catalog: { name: CATALOG, file: ({ root }) => catalogFile(root) },
    events: EVENTS,
    archives: SESSION_ARCHIVE,
    tables: measureCatalog,
    eventTypes: async (...of) => (await import("./event-space.ts")).measureEventTypes(...of),
    active: activeSessions,
  },
};
