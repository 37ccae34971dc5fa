// Workspaces of the catalog, newest first, with the second id that each carries in its workspace.toml.
import { readFileSync, statSync } from "node:fs";
import type { DatabaseSync } from "node:sqlite";
import { joinPath, osPath } from "../../../files/os-path.ts";
import type { WorkspaceRecord } from "../../../records/runtime-kinds.ts";

export type WorkspaceFields = Omit<
  WorkspaceRecord,
  "kind" | "runtime" | "home" | "sessions" | "exists" | "workspace_ulid"
>;

const SQL = `SELECT id, name, root_dir, add_dirs, default_agent, created_at, updated_at
  FROM workspaces ORDER BY updated_at DESC, id`;

export function readWorkspaces(catalog: DatabaseSync): WorkspaceFields[] {
  return catalog
    .prepare(SQL)
    .all()
    .map((row) => ({
      id: String(row["id"]),
      name: String(row["name"]),
      root_dir: String(row["root_dir"]),
      add_dirs: directoriesIn(String(row["add_dirs"])),
      default_agent: String(row["default_agent"] ?? "") || null,
      created_at: String(row["created_at"]),
      updated_at: String(row["updated_at"]),
    }));
}

function directoriesIn(json: string): string[] | undefined {
  try {
    const value: unknown = JSON.parse(json);
    return Array.isArray(value) ? value.map(String) : undefined;
  } catch {
    return undefined; // no JSON: the row itself is in `table workspaces`
  }
}

export function isDirectory(path: string): boolean {
  try {
    return statSync(osPath(path)).isDirectory();
  } catch {
    return false; // not there, or not to be seen by us: either way not there for the operator
  }
}

interface WorkspaceIdentity {
  readonly workspace_id?: unknown;
  readonly realpath_at_creation?: unknown;
}

/**
 * The ULID in `<root_dir>/.agh/workspace.toml`. A home is a workspace's `.agh` itself when the operator's own directory
 * is one: then its file is found in the home, wherever that has been moved, by the path it was made for.
 */
export async function readWorkspaceUlid(rootDir: string, home: string): Promise<string | null> {
  const here = await identityIn(joinPath(rootDir, ".agh/workspace.toml"));
  const own = here ?? (await identityIn(joinPath(home, "workspace.toml")));
  const found = here || own?.realpath_at_creation === rootDir ? own : undefined;
  return typeof found?.workspace_id === "string" ? found.workspace_id : null;
}

async function identityIn(file: string): Promise<WorkspaceIdentity | undefined> {
  let text: string;
  try {
    text = readFileSync(osPath(file), "utf8");
  } catch {
    return undefined; // no such file, or not ours to read: the id is not known here
  }
  const { parse } = await import("smol-toml");
  try {
    return parse(text);
  } catch {
    return undefined; // cut short: no id in it either
  }
}
