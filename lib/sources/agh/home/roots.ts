// The directory trees of a home: its own, and those that its configuration and catalog point to.
import { readdirSync } from "node:fs";
import { osPath } from "../../../files/os-path.ts";
import type { Deps } from "../../../records/deps.ts";
import { ToolError } from "../../../records/error.ts";
import { HomeLinks, withOwnerFault } from "../../links.ts";
import type { Home, Root } from "../../source.ts";
import { readConfig } from "./config.ts";
import { existingRoots, workspaceRootName, type WorkspaceRoot } from "./coverage.ts";
import { readCatalog } from "./databases.ts";
import { sessionsDir } from "./layout.ts";
import { readWorkspaces } from "../catalog/workspaces.ts";

interface RootOptions {
  readonly missing?: boolean;
  readonly absent?: boolean;
}

/**
 * A catalog that cannot be read names no workspaces; who needs them reads it and is told why. Of a private copy only the
 * home itself belongs to it: what its configuration names lies on the machine that it was copied from.
 */
export async function listRoots(
  home: Home,
  deps: Deps,
  { missing = false, absent = false }: RootOptions = {},
): Promise<readonly Root[]> {
  if (!home.live) return existingRoots(home.root, { workspaces: [] });
  const { ledgerRoot, memoryDir, problem } = await readConfig(home.root, deps);
  if (problem) deps.log.problem(problem);
  const workspaces = workspaceRoots(home, deps);
  const links = new HomeLinks(home, deps);
  const roots = existingRoots(home.root, { ledgerRoot, memoryDir, workspaces }).map((root) =>
    withOwnerFault(root, links),
  );
  if (absent) {
    const named = absentRoots(home, { ledgerRoot, memoryDir, workspaces });
    return [...roots.filter(({ name }) => !named.some((root) => root.name === name)), ...named];
  }
  const readable = roots.filter((root) => !root.missing);
  if (!missing || !isOutside(home, ledgerRoot) || roots.some(({ name }) => name === "ledgers")) return readable;
  return [...readable, { name: "ledgers", dir: ledgerRoot }];
}

const isOutside = ({ root }: Home, dir: string): boolean => !`${dir}/`.startsWith(`${root}/`);

interface NamedRoots {
  readonly ledgerRoot: string;
  readonly memoryDir: string;
  readonly workspaces: readonly WorkspaceRoot[];
}

/** What is named and cannot be looked into. A ledger root is made when the first session stops. */
function absentRoots(home: Home, { ledgerRoot, memoryDir, workspaces }: NamedRoots): Root[] {
  const hasSessions = reasonAgainst(sessionsDir(home.root)) === undefined && isFilled(sessionsDir(home.root));
  const named = [
    ...(hasSessions && isOutside(home, ledgerRoot) ? [{ name: "ledgers", dir: ledgerRoot }] : []),
    ...(hasSessions && isOutside(home, memoryDir) ? [{ name: "memory", dir: memoryDir }] : []),
    ...workspaces
      .filter(({ root }) => root.startsWith("/"))
      .map((workspace) => ({ name: workspaceRootName(workspace), dir: workspace.root })),
  ];
  return named.flatMap((root) => {
    const reason = reasonAgainst(root.dir);
    return reason === undefined ? [] : [{ ...root, missing: { code: "ROOT_MISSING", reason } }];
  });
}

const isFilled = (dir: string): boolean => readdirSync(osPath(dir)).length > 0;

function reasonAgainst(dir: string): string | undefined {
  try {
    readdirSync(osPath(dir));
    return undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return "does not exist";
    return code === "ENOTDIR" ? "is not a directory" : `cannot be read: ${code}`;
  }
}

function workspaceRoots(home: Home, deps: Deps): WorkspaceRoot[] {
  try {
    return readCatalog(home.root, deps, readWorkspaces).flatMap(({ id, root_dir, add_dirs = [] }) => [
      { id, root: root_dir },
      ...add_dirs.map((root) => ({ id, root, isAdditional: true })),
    ]);
  } catch (error) {
    if (error instanceof ToolError) return [];
    throw error;
  }
}
