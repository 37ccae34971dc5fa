// Sessions on their way to an archive and back: the older form of their custody.
import type { RowsFile } from "../../../formats/archive/rows.ts";
import type { Archival } from "../../archival.ts";
import { eventFacts } from "../../owned-rows.ts";
import { groupRows } from "../../row-custody.ts";
import type { Home } from "../../source.ts";
import { assertOwnRows } from "../../archival.ts";
import { access } from "./custody.ts";
import { insertSessions } from "./insert-sessions.ts";
import { timeline, withoutLocks } from "./session-rows.ts";

export const archival: Archival = {
  database: "sessions.db",
  reasonAgainst: access.reasonAgainst,
  trees: access.trees,
  readRows: (home, id, deps) => {
    const { schema, of } = access.rows(home, [id], deps);
    return { schema, lines: of.get(id)!.lines };
  },
  facts: (rows) => eventFacts(rows, timeline),
  comparableRows: ({ columns, rows }) => ({ columns, rows: access.essence!(rows) }),
  withoutLocks,
  put: ({ root }, sessions) => {
    assertOwnRows(sessions, access);
    insertSessions(root, sessions.values());
  },
};

/** Puts those of the sessions back that are not there, in one transaction; tells which. */
export function putSessions(home: Home, rows: RowsFile, ids: ReadonlySet<string>): string[] {
  const own = [...groupRows(rows, access)].flatMap(([id, of]) => (ids.has(id) ? [of] : []));
  return [...insertSessions(home.root, own).back];
}
