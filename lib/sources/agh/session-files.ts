// Every place where something of one session lies.
import { archives, directoryOf, ledgerFiles, sessionNames } from "./scan.ts";
import { readLedgerPlace } from "./config.ts";
import { bundleNames } from "./failures.ts";
import { bundlesDir } from "./layout.ts";
import { joinPath } from "../../files/os-path.ts";
import { dirname } from "node:path";
import type { Deps } from "../../records/deps.ts";
import type { Home } from "../source.ts";
import { ledgerRootHere } from "./stores.ts";

export interface SessionFiles {
  /** Directories and files, absolute: its own, the ledger's, the archive, crash bundles. */
  readonly paths: readonly string[];
  readonly ledger: string | undefined;
}

export async function sessionFiles(home: Home, id: string, deps: Deps): Promise<SessionFiles> {
  const { ledgerRoot } = await readLedgerPlace(home.root, deps);
  const { partitions } = sessionNames(home.root);
  const ledger = ledgerFiles(home.root, ledgerRootHere(home, ledgerRoot), partitions).get(id);
  const bundles = bundleNames(home.root).filter((name) => name.startsWith(`${id}-`));
  const paths = [
    directoryOf(home.root, id),
    ledger && dirname(ledger),
    archives(home.root).get(id),
    ...bundles.map((name) => joinPath(bundlesDir(home.root), name)),
  ];
  return { paths: paths.filter((path) => path !== undefined), ledger };
}
