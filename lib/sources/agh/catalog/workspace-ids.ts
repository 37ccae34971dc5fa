// The workspace ids that a selector's words mean: either id, a name, or a path.
import { realpathSync } from "node:fs";
import { resolve } from "node:path";
import { osPath } from "../../../files/os-path.ts";
import { ToolError } from "../../../records/error.ts";
import type { Deps } from "../../../records/deps.ts";
import { readCatalog } from "../home/databases.ts";
import { readWorkspaces, readWorkspaceUlid, type WorkspaceFields } from "./workspaces.ts";

const ULID = /^[0-9A-HJKMNP-TV-Z]{26}$/;

/** Words that the catalog does not know stand for themselves: a session may name a workspace that has no row. */
export async function resolveWorkspaceIds(
  words: readonly string[],
  root: string,
  deps: Deps,
): Promise<ReadonlySet<string>> {
  const ids = new Set(words);
  for (const workspace of known(root, deps)) {
    const ulid = words.some((word) => ULID.test(word)) ? await readWorkspaceUlid(workspace.root_dir, root) : null;
    if (words.some((word) => means(word, workspace, ulid))) ids.add(workspace.id);
  }
  return ids;
}

function known(root: string, deps: Deps): WorkspaceFields[] {
  try {
    return readCatalog(root, deps, readWorkspaces);
  } catch (error) {
    if (error instanceof ToolError) return []; // reported already by whoever read the sessions
    throw error;
  }
}

function means(word: string, { name, root_dir }: WorkspaceFields, ulid: string | null): boolean {
  if (word === name || word === ulid || word === root_dir) return true;
  return word.includes("/") && (resolve(word) === root_dir || realPath(word) === root_dir);
}

function realPath(path: string): string | undefined {
  try {
    return realpathSync(osPath(path));
  } catch {
    return undefined; // not on this machine: then only the text can match
  }
}
