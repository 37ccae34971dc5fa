// Requests for permission of the selected sessions, with the policy that decided.
import type { Deps } from "../records/deps.ts";
import { EXIT, ToolError } from "../records/error.ts";
import type { Item } from "../records/record.ts";
import { readCatalog } from "../sources/agh/home/databases.ts";
import { eachSession } from "../sources/agh/events/each-session.ts";
import { encodeExactLine } from "../sources/agh/sessions/exact-line.ts";
import { readPermissionMode } from "../sources/agh/sessions/permission-mode.ts";
import { readPermissions, readPolicies } from "../sources/agh/sessions/permissions.ts";
import type { Home, SessionFilter } from "../sources/source.ts";
import { detailVerb } from "./detail-verb.ts";
import { toBlocks } from "./line-blocks.ts";
import { limit } from "./limit.ts";

export interface PermissionQuery {
  readonly sessions: SessionFilter;
  readonly decisions: readonly string[];
  readonly limit: number | undefined;
}

/** `permission` records, in the order of the requests within each session. */
export const permissions = detailVerb(
  "permission",
  async function* (home, query: PermissionQuery, deps): AsyncGenerator<Item> {
    const policyOf = openPolicies(home, deps);
    const found = eachSession(home, query.sessions, deps, function* (db, session) {
      let mode: string | null | undefined;
      for (const permission of readPermissions(db)) {
        if (query.decisions.length > 0 && !query.decisions.includes(permission.decision)) continue;
        mode ??= readPermissionMode(home, session.id);
        const policy = policyOf(session.id, permission.decided_at);
        const identity = { kind: "permission", runtime: home.runtime, home: home.place, session_id: session.id };
        yield encodeExactLine({ ...identity, ...permission, permission_mode: mode, policy_used: policy });
      }
    });
    yield* toBlocks(limit(found, query.limit));
  },
);

/** Without a readable catalog the sessions still have the requests and decisions. */
function openPolicies(home: Home, deps: Deps): ReturnType<typeof readPolicies> {
  try {
    return readCatalog(home.root, deps, readPolicies);
  } catch (error) {
    if (!(error instanceof ToolError) || error.exit !== EXIT.place) throw error;
    return () => null; // sessions() reports the error
  }
}
