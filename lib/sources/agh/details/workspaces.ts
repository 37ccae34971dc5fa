// Workspaces with both of their ids, and how many sessions name them.
import type { Deps } from "../../../records/deps.ts";
import type { WorkspaceRecord } from "../../../records/runtime-kinds.ts";
import type { DetailQuery, Home } from "../../source.ts";
import { isDirectory, readWorkspaces, readWorkspaceUlid } from "../catalog/workspaces.ts";
import { readCatalog } from "../home/databases.ts";
import { readSessions } from "../sessions/read-sessions.ts";

/** `workspace` records, last changed first. */
export async function* workspaces(home: Home, _query: DetailQuery, deps: Deps): AsyncGenerator<WorkspaceRecord> {
  const found = readCatalog(home.root, deps, readWorkspaces);
  const counts = new Map<string | null, number>();
  for await (const { workspace_id } of readSessions(home, {}, deps)) {
    counts.set(workspace_id, (counts.get(workspace_id) ?? 0) + 1);
  }
  for (const workspace of found) {
    const { id, root_dir } = workspace;
    const workspace_ulid = await readWorkspaceUlid(root_dir, home.root);
    const facts = { exists: isDirectory(root_dir), sessions: counts.get(id) ?? 0, workspace_ulid };
    yield { kind: "workspace", runtime: home.runtime, home: home.place, ...workspace, ...facts };
  }
}
