// What may be wrong with talks in rows: one without an end whose writer is gone.
import {
  changeDatabase,
  type CheckedHome,
  type Deps,
  type Home,
  type Repairer,
  type RowChange,
} from "../../../../lib/index.ts";
import { sessionRecord } from "../records.ts";
import { RULES, VERBS } from "../rules.ts";
import type { Talk } from "../talks.ts";
import { databaseFile, readTalks } from "./database.ts";

export const repairer: Repairer = {
  title: "quill-rows",
  rules: RULES,
  verbs: VERBS,
  check: async (home, _options, deps) => checkHome(home, deps),
};

function checkHome(home: Home, deps: Deps): CheckedHome {
  const talks = readTalks(home, deps);
  return {
    sessions: talks.map(({ id }) => id),
    findings: talks
      .filter((talk) => isDead(home, talk, deps))
      .map(({ id, entries }) => ({
        id,
        code: "TALK_OPEN",
        message: "it did not end, and its process is gone",
        evidence: { entries: entries.length },
        action: { verb: "end-talk", subject: { session_id: id }, expect: { entries: entries.length }, loses: null },
      })),
    repair: async (chosen, { commit }) =>
      changeDatabase(databaseFile(home.root), (db) => {
        const count = db.prepare("SELECT count(*) AS n FROM entries WHERE talk_id = ?");
        const add = db.prepare("INSERT INTO entries (talk_id, at, line) VALUES (?, ?, ?) RETURNING *");
        const rows: RowChange[] = [];
        const reasons = chosen.map(({ repair: { subject, expect } }) => {
          const id = String(subject["session_id"]);
          if (count.get(id)!["n"] !== expect["entries"]) return "the talk was written to since the check";
          const at = deps.now().toISOString();
          const to = add.get(id, at, JSON.stringify({ at, end: "ended by agh-reconcile" })) as RowChange["to"];
          rows.push({ table: "entries", from: null, to });
          return undefined;
        });
        if (rows.length > 0) commit({ rows });
        return reasons;
      }),
  };
}

const isDead = (home: Home, talk: Talk, deps: Deps): boolean =>
  sessionRecord(home, talk, "rows", deps).effective === "dead";
