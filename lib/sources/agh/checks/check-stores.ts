// Findings about where a session is, by the truth table; what is lost of it is made again where something tells how.
import { joinPath } from "../../../files/os-path.ts";
import { readFileMark } from "../../../files/file-mark.ts";
import { rowsAreHidden } from "./check-catalog.ts";
import type { Check, AghFinding, StoredSession, CheckContext, AghRepair } from "./check-types.ts";
import { META } from "../home/layout.ts";
import { findMetaSource } from "./rebuild-meta.ts";
import { META_LOSES, STATE_MATRIX, storeNames } from "./state-matrix.ts";

/** The stores that have a session, as the table's keys. */
export function storesKey({ row, dir, events, ledger, archive, tombstone }: StoredSession): string {
  const there = [row, dir?.meta, events, ledger, archive ?? tombstone];
  return [..."RMELA"].map((letter, at) => (there[at] ? letter : "-")).join("");
}

export const stateMatrix: Check = {
  level: "quick",
  rules: Object.fromEntries(
    Object.entries(STATE_MATRIX).map(([key, { code, ...rule }]) => [code, { ...rule, stores: storeNames(key) }]),
  ),
  *find(context) {
    // Without a catalog every session lacks its row, which is one finding and no more.
    const readable = context.stores.catalogError === undefined;
    const hidden = rowsAreHidden(context);
    for (const known of context.sessions) {
      const of = checkSession(known, context, {
        hasRow: hidden || (!readable && known.dir?.meta !== undefined),
        hidden,
      });
      if (of) yield of;
    }
  },
};

/** `hasRow`: it is taken to have one. `hidden`: what its row says is not known, so nothing is made without it. */
function checkSession(
  known: StoredSession,
  context: CheckContext,
  { hasRow, hidden }: { hasRow: boolean; hidden: boolean },
): AghFinding | undefined {
  const stores = storesKey(known);
  const rule = STATE_MATRIX[hasRow ? `R${stores.slice(1)}` : stores];
  if (!rule || rule.severity === "ok" || isRunning(known, context)) return undefined;
  const { id, dir, row, ledger, archive, tombstone, events } = known;
  const evidence = {
    stores,
    path: dir?.path,
    trouble: dir?.problem,
    row_state: row?.text("state"),
    events_bytes: events,
    ledger,
    archive,
    tombstone: tombstone || undefined,
  };
  const problem = dir?.problem ? ` (${dir.problem})` : "";
  const message = `${id}: ${rule.verdict}${problem}`;
  const action = rule.action.length > 0 && !hidden ? planRebuild(known, context) : undefined;
  return { code: rule.code, id, message, evidence, action };
}

/** What a running daemon has in hand is not finished, and not wrong. */
const isRunning = ({ dir }: StoredSession, { daemon }: CheckContext): boolean =>
  daemon.alive === true && dir?.meta !== undefined && dir.meta.state !== "stopped";

/** Undefined where nothing is left that tells which workspace and agent it was, or where that workspace is not known. */
function planRebuild(known: StoredSession, context: CheckContext): AghRepair | undefined {
  const from = findMetaSource(known, context);
  if (!from || !known.dir) return undefined;
  const path = joinPath(known.dir.path, META);
  return {
    verb: "rebuild-meta",
    subject: { path, from: from.store },
    expect: { meta: readFileMark(path), row_state: known.row?.text("state") ?? null },
    loses: META_LOSES,
  };
}
