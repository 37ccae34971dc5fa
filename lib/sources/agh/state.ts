// How an AGH home is: its daemon, its schema, the weight of its catalog.
import type { Deps } from "../../records/deps.ts";
import { ToolError } from "../../records/error.ts";
import type { Home, HomeState } from "../source.ts";
import { schemaVersion } from "./catalog.ts";
import { readCatalog } from "./databases.ts";
import { catalogFile } from "./layout.ts";
import { daemonOf } from "./liveness.ts";
import { fileSize } from "./scan.ts";

/** What cannot be read is null here; listing the sessions tells why. */
export function state(home: Home, deps: Deps): HomeState {
  const { alive, pid } = daemonOf(home, deps);
  const catalog = catalogFile(home.root);
  return {
    alive,
    version: versionOf(home, deps),
    ...(pid !== undefined && { pid }),
    catalog_bytes: (fileSize(catalog) ?? 0) + (fileSize(`${catalog}-wal`) ?? 0),
  };
}

function versionOf({ root }: Home, deps: Deps): string | null {
  try {
    return readCatalog(root, deps, schemaVersion);
  } catch (error) {
    if (error instanceof ToolError) return null;
    throw error;
  }
}
