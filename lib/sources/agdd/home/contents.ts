// What a backup counts in AGDD's databases, and which paths are a run's.
import type { CountedTables, SessionPart } from "../../contents.ts";
import { ledgerPart } from "../../event-ledger.ts";
import { tombstonePart } from "../../retired-sessions.ts";
import { AGENTS, COST_DATABASES, COST_LEDGERS, STORAGE } from "./layout.ts";

const RUNS: CountedTables = {
  tables: ["events", "runs"],
  sessions: {
    table: "runs",
    id: "run_id",
    at: "started_at",
    parent: "parent_run_id",
    events: { table: "events", session: "run_id" },
  },
};

const COSTS: CountedTables = { tables: ["cost_records"] };
const MEMORIES: CountedTables = { tables: ["memories"] };

export function counted(root: string, path: string): CountedTables | undefined {
  if (root === "storage" || path === STORAGE || path.endsWith(`/${STORAGE}`)) return RUNS;
  if (COST_DATABASES.includes(path)) return COSTS;
  return path === ".magsag/memory.db" ? MEMORIES : undefined;
}

export function sessionPart(root: string, path: string): SessionPart | undefined {
  if (root !== "home") return undefined;
  if (COST_LEDGERS.includes(path)) return { session: "", is: "ledger" };
  const run = path.startsWith(`${AGENTS}/`) ? path.slice(AGENTS.length + 1) : "";
  if (run !== "" && !run.includes("/")) return { session: run, is: "directory" };
  return ledgerPart(path) ?? tombstonePart(path);
}
