// The directory trees of a home: its own, and those that its configuration and catalog point to.
import type { Deps } from "../../../records/deps.ts";
import { ToolError } from "../../../records/error.ts";
import type { Home, Root } from "../../source.ts";
import { readConfig } from "./config.ts";
import { existingRoots } from "./coverage.ts";
import { readCatalog } from "./databases.ts";
import { readWorkspaces } from "../catalog/workspaces.ts";

/**
 * A catalog that cannot be read names no workspaces; who needs them reads it and is told why. Of a private copy only the
 * home itself belongs to it: what its configuration names lies on the machine that it was copied from.
 */
export async function listRoots(
  home: Home,
  deps: Deps,
  { missing = false }: { readonly missing?: boolean } = {},
): Promise<readonly Root[]> {
  if (!home.live) return existingRoots(home.root, { workspaces: [] });
  const { ledgerRoot, memoryDir, problem } = await readConfig(home.root, deps);
  if (problem) deps.log.problem(problem);
  const roots = existingRoots(home.root, { ledgerRoot, memoryDir, workspaces: workspaceRoots(home, deps) });
  const isOutside = !`${ledgerRoot}/`.startsWith(`${home.root}/`);
  if (!missing || !isOutside || roots.some(({ name }) => name === "ledgers")) return roots;
  return [...roots, { name: "ledgers", dir: ledgerRoot }];
}

function workspaceRoots(home: Home, deps: Deps): { id: string; root: string }[] {
  try {
    return readCatalog(home.root, deps, readWorkspaces).map(({ id, root_dir }) => ({ id, root: root_dir }));
  } catch (error) {
    if (error instanceof ToolError) return [];
    throw error;
  }
}
