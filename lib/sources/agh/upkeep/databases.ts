// The databases of a home that may be rewritten: AGH never vacuums agh.db, and only large holes of a session's events.db.
import { joinPath } from "../../../files/os-path.ts";
import { withoutProblems, type Deps } from "../../../records/deps.ts";
import type { SessionRecord } from "../../../records/runtime-kinds.ts";
import type { Home } from "../../source.ts";
import type { HomeDatabase } from "../../upkeep.ts";
import { BY_ROWID } from "../catalog/special-columns.ts";
import { CATALOG, catalogFile, EVENTS } from "../home/layout.ts";
import { readSessions } from "../sessions/read-sessions.ts";
import { findSessionDir, statSize } from "../sessions/scan.ts";

/** The catalog first, then those of the sessions by id. */
export async function listDatabases(home: Home, deps: Deps): Promise<HomeDatabase[]> {
  const catalog = { path: catalogFile(home.root), id: CATALOG, session: undefined, inUse: undefined };
  const found: HomeDatabase[] = [{ ...catalog, keyed: BY_ROWID, hasFullText: true }];
  for await (const session of readSessions(home, {}, withoutProblems(deps))) {
    const dir = session.has.dir ? findSessionDir(home.root, session.id) : undefined;
    if (dir === undefined) continue;
    const { id } = session;
    const path = joinPath(dir, EVENTS);
    found.push({ path, id, session: id, inUse: inUse(session), keyed: {}, hasFullText: false });
  }
  return found.filter(({ path }) => statSize(path) !== undefined);
}

const inUse = ({ effective, state }: SessionRecord): string | undefined =>
  effective === "running" || effective === "unknown"
    ? `it is ${state ?? "unknown"}: it may still be written to`
    : undefined;
