// Every place where something of one session lies.
import { dirname } from "node:path";
import { joinPath } from "../../../files/os-path.ts";
import { listNames } from "../../../files/walk.ts";
import type { Deps } from "../../../records/deps.ts";
import type { SessionRecord } from "../../../records/runtime-kinds.ts";
import type { Home } from "../../source.ts";
import { ledgerRootHere, readLedgerPlace } from "../home/config.ts";
import { bundlesDir } from "../home/layout.ts";
import { findSessionDir, listArchivedSessions, listLedgerFiles, listSessionNames } from "./scan.ts";

/** Its own directory, the ledger's, what lies in session-archive, crash bundles. */
export async function listSessionFiles(
  home: Home,
  { id }: Pick<SessionRecord, "id">,
  deps: Pick<Deps, "env">,
): Promise<readonly string[]> {
  const { root } = home;
  const { ledgerRoot } = await readLedgerPlace(root, deps);
  const ledger = listLedgerFiles(root, ledgerRootHere(home, ledgerRoot), listSessionNames(root).partitions).get(id);
  const bundles = listNames(bundlesDir(root)).filter((name) => name.startsWith(`${id}-`));
  const places = [
    findSessionDir(root, id),
    ledger && dirname(ledger),
    listArchivedSessions(root).get(id),
    ...bundles.map((name) => joinPath(bundlesDir(root), name)),
  ];
  return places.filter((path) => path !== undefined);
}
