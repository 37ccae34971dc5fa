// Runs on their way to an archive and back: the older form of their custody.
import { assertOwnRows, type Archival } from "../../archival.ts";
import { eventFacts } from "../../owned-rows.ts";
import { STORAGE, storageOf } from "../home/layout.ts";
import { access } from "./custody.ts";
import { insertRuns } from "./insert-runs.ts";
import { timeline } from "./run-rows.ts";

export const archival: Archival = {
  database: `.agdd/${STORAGE}`,
  reasonAgainst: access.reasonAgainst,
  trees: access.trees,
  readRows: (home, id, deps) => {
    const { schema, of } = access.rows(home, [id], deps);
    return { schema, lines: of.get(id)!.lines };
  },
  facts: (rows) => eventFacts(rows, timeline),
  put: (home, sessions, deps) => {
    const withRows = new Map([...sessions].filter(([, { rows }]) => rows.length > 0));
    if (withRows.size === 0) return;
    assertOwnRows(withRows, access);
    insertRuns(storageOf(home, deps), withRows.values());
  },
};
