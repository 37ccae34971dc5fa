// Takes the rows that a ledger holds out of the sessions' databases: looked at again, made anew without them, held against what they were.
import { createCollector } from "../../files/memory.ts";
import { withoutProblems } from "../../records/deps.ts";
import { usageError } from "../../records/error.ts";
import type { Action } from "../../records/result-kinds.ts";
import type { SessionRecord } from "../../records/runtime-kinds.ts";
import type { PurgeRewrite } from "../../sources/upkeep.ts";
import { findDifference } from "../../sqlite/copy/compare-databases.ts";
import { copyWithoutTable } from "../../sqlite/copy/copy-without-table.ts";
import { openUpkeep } from "../open-upkeep.ts";
import { matchesExpected, workDirOf, type Removal } from "../removal-types.ts";
import { rewriteAll, type RewriteResult, type RewriteTask } from "../rewrite-databases.ts";

export const purging: Removal = {
  async *perform(actions, context) {
    const { home, source, deps } = context;
    const purge = await (await openUpkeep({ home, source }, "purge")).open(home, deps);
    const collect = createCollector();
    const records = new Map<string, SessionRecord>();
    for await (const session of source.sessions(home, { lastEvents: true }, withoutProblems(deps))) {
      records.set(session.id, session);
    }
    yield* rewriteAll(actions, context, async (action) => {
      const session = records.get(String(action.id));
      if (!session) return { refused: "the session does not exist any more" };
      const result = purge.inspect(session, parseGrace(action));
      collect((session.events_bytes ?? 0) + (session.ledger_bytes ?? 0));
      if (result === undefined) return { refused: "it has no rows to purge any more" };
      if (typeof result === "string") return { refused: result };
      const { frees: _frees, ...facts } = result;
      if (!matchesExpected(action, facts)) return { refused: "it has changed since the plan" };
      return rewriteTaskFor(action, result.keeps, purge.rewrite(session));
    });
  },
};

function parseGrace({ subject, id }: Action): number {
  const { grace_ms } = subject as { readonly grace_ms?: unknown };
  if (typeof grace_ms === "number" && grace_ms >= 0) return grace_ms;
  throw usageError(`the action purge-events ${String(id)} of the plan has no subject.grace_ms`);
}

function rewriteTaskFor(action: Action, keeps: number, { path, table, mtime }: PurgeRewrite): RewriteTask {
  const make = (file: string, out: string): RewriteResult => {
    copyWithoutTable(file, out, table);
    const wrong = findDifference({ file, copy: out, emptied: table, keyed: "all" });
    return wrong === undefined ? { facts: {} } : { wrong };
  };
  return { path, keeps, workDir: workDirOf(action), make, mtime };
}
