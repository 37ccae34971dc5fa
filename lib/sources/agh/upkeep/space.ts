// Where the bytes of AGH's homes are: which session a file belongs to, what the catalog holds, which sessions it calls active.
import { ToolError } from "../../../records/error.ts";
import type { Deps } from "../../../records/deps.ts";
import { measureTables, type TableSpace } from "../../../sqlite/read/table-space.ts";
import type { Home } from "../../source.ts";
import type { FilePlace } from "../../upkeep.ts";
import { readSessionTable } from "../catalog/session-table.ts";
import { classify } from "../home/coverage.ts";
import { readCatalog } from "../home/databases.ts";
import { CATALOG, EVENTS, LEDGER, META } from "../home/layout.ts";

export const SESSION_ARCHIVE = "session-archive";

/** `sessions/<name>/<file>`, and `sessions/<partition>/<name>/ledger.…` */
const IN_SESSION = /^sessions\/([^/]+)\/(?:[^/]+\/)*?([^/]+)$/;
const IN_LEDGERS = /(?:^|\/)([^/]+)\/ledger\.(?:jsonl|seal)$/;
const RECEIPT = /^session-archive\/([^/]+)\.receipt\.json$/;

export function placeOf(root: string, path: string): FilePlace {
  if (root === "ledgers" || path.endsWith(`/${LEDGER}`) || path.endsWith("/ledger.seal")) return ledgerPlace(path);
  if (path.startsWith("sessions/")) return sessionPlace(path);
  if (path.startsWith(`${SESSION_ARCHIVE}/`)) {
    const receipt = RECEIPT.exec(path)?.[1];
    return { kind: "archives", ...(receipt !== undefined && { receipt }) };
  }
  if (path.startsWith(`${CATALOG}-`)) return { kind: `${CATALOG}-wal` };
  if (path === CATALOG) return { kind: path };
  return { kind: path.startsWith("logs/crash-bundles/") ? "crash-bundles" : classify(root, path, "file").class };
}

function ledgerPlace(path: string): FilePlace {
  const session = IN_LEDGERS.exec(path)?.[1];
  return { kind: "ledgers", ...(session !== undefined && { session, of: "ledger" }) };
}

function sessionPlace(path: string): FilePlace {
  const [, session, file] = IN_SESSION.exec(path) ?? [];
  if (!session || !file) return { kind: "sessions" };
  if (file === EVENTS) return { kind: EVENTS, session, of: "events" };
  if (file.includes(".corrupt.")) return { kind: "evidence", session };
  if (file.startsWith(`${EVENTS}-`)) return { kind: `${EVENTS}-wal`, session };
  return { kind: file === META ? META : "sessions", session };
}

export const measureCatalog = ({ root }: Home, deps: Deps): readonly TableSpace[] =>
  readCatalog(root, deps, measureTables);

export function activeSessions({ root }: Home, deps: Deps): ReadonlySet<string> {
  try {
    const rows = readCatalog(root, deps, (db) => readSessionTable(db, { health: false }));
    return new Set([...rows].filter(([, row]) => row.text("state") !== "stopped").map(([id]) => id));
  } catch (error) {
    if (error instanceof ToolError) return new Set(); // reported already, where its tables are listed
    throw error;
  }
}
