// Whose session a path of a home is, by its names alone.
import type { SessionLayout } from "../../source.ts";
import { isId } from "./layout.ts";

/** Partitions of ledgers lie beside the sessions' own directories. */
const PARTITION = /^(?:ws_|_)/;

export const sessionLayout: SessionLayout = {
  top: (id) => (isId(id) ? `sessions/${id}` : undefined),
  idOf: (path) => {
    const name = path.startsWith("sessions/") ? path.slice("sessions/".length) : "";
    return isId(name) && !PARTITION.test(name) ? name : undefined;
  },
  owns: (id, root, path) => {
    const [first, second, third] = path.split("/");
    if (root === "ledgers") return second === id;
    if (root !== "home") return false;
    if (first === "sessions") return second === id || third === id;
    return path.startsWith(`logs/crash-bundles/${id}-`);
  },
};
