// Every place where something of one session lies.
import { listArchivedSessions, findSessionDir, listLedgerFiles, listSessionNames } from "./scan.ts";
import { readLedgerPlace } from "../home/config.ts";
import { bundlesDir } from "../home/layout.ts";
import { joinPath } from "../../../files/os-path.ts";
import { listNames } from "../../../files/walk.ts";
import { dirname } from "node:path";
import type { Deps } from "../../../records/deps.ts";
import type { Home } from "../../source.ts";
import { ledgerRootHere } from "./evidence.ts";

export interface SessionFiles {
  /** Directories and files, absolute: its own, the ledger's, the archive, crash bundles. */
  readonly paths: readonly string[];
  readonly ledger: string | undefined;
}

export async function listSessionFiles(home: Home, id: string, deps: Deps): Promise<SessionFiles> {
  const { ledgerRoot } = await readLedgerPlace(home.root, deps);
  const { partitions } = listSessionNames(home.root);
  const ledger = listLedgerFiles(home.root, ledgerRootHere(home, ledgerRoot), partitions).get(id);
  const bundles = listNames(bundlesDir(home.root)).filter((name) => name.startsWith(`${id}-`));
  const paths = [
    findSessionDir(home.root, id),
    ledger && dirname(ledger),
    listArchivedSessions(home.root).get(id),
    ...bundles.map((name) => joinPath(bundlesDir(home.root), name)),
  ];
  return { paths: paths.filter((path) => path !== undefined), ledger };
}
