// Workspaces with both of their ids, and how many sessions name them.
import type { Item } from "../records/record.ts";
import { readCatalog } from "../sources/agh/databases.ts";
import { sessions } from "../sources/agh/sessions.ts";
import { isDirectory, workspaces as workspacesIn, workspaceUlid } from "../sources/agh/workspaces.ts";
import { atHome } from "./at-home.ts";

export interface WorkspaceQuery {
  readonly limit: number | undefined;
}

/** `workspace` records, last changed first. */
export const workspaces = atHome(
  "workspace",
  async function* (home, query: WorkspaceQuery, deps): AsyncGenerator<Item> {
    const found = readCatalog(home.root, deps, workspacesIn);
    const counts = new Map<string | null, number>();
    for await (const { workspace_id } of sessions(home, {}, deps)) {
      counts.set(workspace_id, (counts.get(workspace_id) ?? 0) + 1);
    }
    for (const workspace of found.slice(0, query.limit)) {
      const { id, root_dir } = workspace;
      const workspace_ulid = await workspaceUlid(root_dir, home.root);
      const facts = { exists: isDirectory(root_dir), sessions: counts.get(id) ?? 0, workspace_ulid };
      yield { kind: "workspace", runtime: home.runtime, home: home.place, ...workspace, ...facts };
    }
  },
);
