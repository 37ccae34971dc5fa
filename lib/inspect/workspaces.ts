// Workspaces with both of their ids, and how many sessions name them.
import type { Item } from "../records/record.ts";
import { readCatalog } from "../sources/agh/home/databases.ts";
import { readSessions } from "../sources/agh/sessions/read-sessions.ts";
import { isDirectory, readWorkspaces as workspacesIn, readWorkspaceUlid } from "../sources/agh/catalog/workspaces.ts";
import { detailVerb } from "./detail-verb.ts";

export interface WorkspaceQuery {
  readonly limit: number | undefined;
}

/** `workspace` records, last changed first. */
export const workspaces = detailVerb(
  "workspace",
  async function* (home, query: WorkspaceQuery, deps): AsyncGenerator<Item> {
    const found = readCatalog(home.root, deps, workspacesIn);
    const counts = new Map<string | null, number>();
    for await (const { workspace_id } of readSessions(home, {}, deps)) {
      counts.set(workspace_id, (counts.get(workspace_id) ?? 0) + 1);
    }
    for (const workspace of found.slice(0, query.limit)) {
      const { id, root_dir } = workspace;
      const workspace_ulid = await readWorkspaceUlid(root_dir, home.root);
      const facts = { exists: isDirectory(root_dir), sessions: counts.get(id) ?? 0, workspace_ulid };
      yield { kind: "workspace", runtime: home.runtime, home: home.place, ...workspace, ...facts };
    }
  },
);
