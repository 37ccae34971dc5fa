// Whose session a path of a home is, by its names alone.
import type { SessionLayout } from "../../source.ts";
import { isId } from "./layout.ts";

/** Partitions of ledgers lie beside the sessions' own directories. */
const PARTITION = /^(?:ws_|_)/;
const ARCHIVE = "session-archive/";

export const sessionLayout: SessionLayout = {
  top: (id) => (isId(id) ? `sessions/${id}` : undefined),
  idOf: (path) => {
    const name = path.startsWith("sessions/") ? path.slice("sessions/".length) : "";
    return isId(name) && !PARTITION.test(name) ? name : undefined;
  },
  owns: (id, root, path) => {
    if (root === "ledgers") return isLedgerOf(id, path.split("/"));
    if (root !== "home" || path.startsWith(ARCHIVE)) return false;
    const top = `sessions/${id}`;
    if (path === top || path.startsWith(`${top}/`) || path.startsWith(`logs/crash-bundles/${id}-`)) return true;
    const names = path.split("/");
    return names.length > 2 && isLedgerOf(id, names);
  },
};

/** Wherever the settings place them: `PARTITION/SESSION/ledger.jsonl`. */
const isLedgerOf = (id: string, names: readonly string[]): boolean =>
  names.length > 1 && (names.at(-1) === id || names.at(-2) === id);
