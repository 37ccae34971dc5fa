// The databases of AGH that another one can take the place of: agh.db, and the events of a session.
import { dirname } from "node:path";
import type { Deps } from "../../../records/deps.ts";
import { EXIT, ToolError } from "../../../records/error.ts";
import { checkIntegrity } from "../../../sqlite/read/integrity-check.ts";
import { REPLACEMENTS, type BrokenDatabase, type CheckFinding } from "../../repair.ts";
import type { Home } from "../../source.ts";
import { checkMigrations } from "../catalog/migrations.ts";
import { RULES } from "../checks/run-checks.ts";
import { readSequence } from "../events/event-sequence.ts";
import { SESSION_SCHEMA } from "../events/events-schema.ts";
import { readCatalog, readEvents } from "../home/databases.ts";
import { CATALOG } from "../home/layout.ts";

const REPLACING: ReadonlySet<string> = new Set(REPLACEMENTS);

/** Undefined where nothing is to be replaced. */
export function brokenDatabase(
  { root }: Home,
  { code, id, evidence }: CheckFinding,
  deps: Deps,
): BrokenDatabase | undefined {
  if (!RULES.get(code)!.action.some((verb) => REPLACING.has(verb))) return undefined;
  const aside = (evidence["files"] as readonly string[] | undefined) ?? [];
  if (id === CATALOG) {
    return {
      kind: "catalog",
      path: CATALOG,
      aside,
      schemas: [],
      isEmpty: () => code !== "CATALOG_CORRUPT" && code !== "CATALOG_DAMAGED",
      findDefect: (dir) => findDefect("catalog", dir, deps),
    };
  }
  const file = String(evidence["path"]);
  return {
    kind: "session",
    path: file.slice(root.length + 1),
    aside,
    schemas: [SESSION_SCHEMA],
    isEmpty: () => aside.length > 0 && hasNoEvents(dirname(file), deps),
    findDefect: (dir) => findDefect("events", dir, deps),
  };
}

function findDefect(of: "catalog" | "events", dir: string, deps: Deps): string | undefined {
  const read = of === "catalog" ? readCatalog : readEvents;
  try {
    return read(dir, deps, (db) => checkMigrations(db, of).problem ?? checkIntegrity(db, "quick")[0]);
  } catch (error) {
    if (error instanceof ToolError && error.exit === EXIT.place) return error.message;
    throw error;
  }
}

function hasNoEvents(dir: string, deps: Deps): boolean {
  try {
    return readEvents(dir, deps, (db) => readSequence(db).count === 0);
  } catch (error) {
    if (error instanceof ToolError && error.code !== "E_BUSY")
      return error.code === "E_NO_DATABASE" || error.code === "E_EMPTY_DATABASE";
    throw error;
  }
}
