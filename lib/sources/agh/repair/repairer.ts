// What agh-reconcile knows about AGH.
import type { Deps } from "../../../records/deps.ts";
import type { CheckedHome, CheckRequest, Repairer } from "../../repair.ts";
import type { Home } from "../../source.ts";
import { isSecret } from "../catalog/special-columns.ts";
import { VERBS } from "../checks/check-types.ts";
import { RULES, runChecks } from "../checks/run-checks.ts";
import { COUNTED_COLUMNS, SESSION_SCHEMA } from "../events/events-schema.ts";
import { classify } from "../home/coverage.ts";
import { brokenDatabase } from "./broken-database.ts";

export const repairer: Repairer = {
  title: "AGH",
  rules: RULES,
  verbs: VERBS,
  databases: {
    tables: [
      ["events", "hook_runs", "token_usage"],
      ["sessions", "workspaces"],
    ],
    schemas: [SESSION_SCHEMA],
    counted: COUNTED_COLUMNS,
    isSecret: (table, column) => isSecret(table, column) || (table === "mcp_auth_tokens" && SECRET.test(column)),
  },
  check,
  brokenDatabase,
  startCommand: ({ place }) => `AGH_HOME=${place} agh daemon start`,
};

/** Columns that other versions of AGH may have had. */
const SECRET = /token$|secret|credential|password|encrypted/;

async function check(home: Home, options: CheckRequest, deps: Deps): Promise<CheckedHome> {
  const { context, findings } = await runChecks(home, options, deps);
  return {
    sessions: context.sessions.map(({ id }) => id),
    findings,
    covers: (file) => classify("home", file.slice(home.root.length + 1), "file").database !== undefined,
    async repair(repairs, { run, commit }) {
      const { stageRepairs } = await import("./stage-repairs.ts");
      commit({ steps: stageRepairs(repairs, context, run) });
      return repairs.map(() => undefined);
    },
  };
}
