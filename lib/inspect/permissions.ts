// Requests for permission of the selected sessions, with the policy that decided.
import type { Deps } from "../records/deps.ts";
import { EXIT, ToolError } from "../records/error.ts";
import type { Item } from "../records/record.ts";
import { readCatalog } from "../sources/agh/databases.ts";
import { eachSession } from "../sources/agh/each-session.ts";
import { exactLine } from "../sources/agh/exact.ts";
import { permissionMode } from "../sources/agh/permission-mode.ts";
import { permissions as permissionsIn, policies } from "../sources/agh/permissions.ts";
import type { Home, SessionFilter } from "../sources/source.ts";
import { atHome } from "./at-home.ts";
import { inBlocks } from "./in-blocks.ts";
import { take } from "./take.ts";

export interface PermissionQuery {
  readonly sessions: SessionFilter;
  readonly decisions: readonly string[];
  readonly limit: number | undefined;
}

/** `permission` records, in the order in which they were asked within each session. */
export const permissions = atHome(
  "permission",
  async function* (home, query: PermissionQuery, deps): AsyncGenerator<Item> {
    const policyOf = policiesOf(home, deps);
    const found = eachSession(home, query.sessions, deps, function* (db, session) {
      let mode: string | null | undefined;
      for (const permission of permissionsIn(db)) {
        if (query.decisions.length > 0 && !query.decisions.includes(permission.decision)) continue;
        mode ??= permissionMode(home, session.id);
        const policy = policyOf(session.id, permission.decided_at);
        const identity = { kind: "permission", runtime: home.runtime, home: home.place, session_id: session.id };
        yield exactLine({ ...identity, ...permission, permission_mode: mode, policy_used: policy });
      }
    });
    yield* inBlocks(take(found, query.limit));
  },
);

/** Without a readable catalog the sessions still tell what was asked and decided. */
function policiesOf(home: Home, deps: Deps): ReturnType<typeof policies> {
  try {
    return readCatalog(home.root, deps, policies);
  } catch (error) {
    if (!(error instanceof ToolError) || error.exit !== EXIT.place) throw error;
    return () => null; // sessions() tells the trouble
  }
}
