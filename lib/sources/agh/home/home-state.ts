// How an AGH home is: its daemon, its schema, the weight of its catalog.
import type { Deps } from "../../../records/deps.ts";
import { ToolError } from "../../../records/error.ts";
import type { Home, HomeState } from "../../source.ts";
import { readSchemaVersion } from "../catalog/session-table.ts";
import { readCatalog } from "./databases.ts";
import { catalogFile } from "./layout.ts";
import { findDaemon } from "./liveness.ts";
import { statSize } from "../sessions/scan.ts";
import { walPath } from "../../../sqlite/sidecars.ts";

/** What cannot be read is null here; listing the sessions tells why. */
export function readHomeState(home: Home, deps: Deps): HomeState {
  const { alive, pid } = findDaemon(home, deps);
  const catalog = catalogFile(home.root);
  return {
    alive,
    version: versionOf(home, deps),
    ...(pid !== undefined && { pid }),
    catalog_bytes: (statSize(catalog) ?? 0) + (statSize(walPath(catalog)) ?? 0),
  };
}

function versionOf({ root }: Home, deps: Deps): string | null {
  try {
    return readCatalog(root, deps, readSchemaVersion);
  } catch (error) {
    if (error instanceof ToolError) return null;
    throw error;
  }
}
