// Whether a stopped session's rows of `events` may go, since its ledger holds every one of them exactly; and what that frees.
import type { DatabaseSync } from "node:sqlite";
import { basename, dirname } from "node:path";
import { joinPath } from "../../../files/os-path.ts";
import type { Deps } from "../../../records/deps.ts";
import type { SessionRecord } from "../../../records/runtime-kinds.ts";
import { readPageCounts, type PageCounts } from "../../../sqlite/read/page-count.ts";
import { openEvents } from "../home/databases.ts";
import { openSettled } from "../events/each-session.ts";
import { digestEvents } from "../events/event-digest.ts";
import { readFileMark } from "../../../files/file-mark.ts";
import { corruptNames } from "../checks/check-catalog.ts";
import { listNames } from "../checks/check-context.ts";
import { EVENTS } from "../home/layout.ts";
import { compareLedger } from "../ledger/compare-ledger.ts";
import { digestLedger } from "../ledger/ledger-digest.ts";
import { headLine } from "../ledger/head-line.ts";
import type { Meta } from "../sessions/meta.ts";
import type { Purgeable } from "../../upkeep.ts";
import { checkMigrations } from "../catalog/migrations.ts";
import { REPAIRED_STOP_REASONS, predictBootRepair } from "../boot/event-repair.ts";
import { walPath } from "../../../sqlite/sidecars.ts";

/** A session that AGH has stopped, with all that its rows are judged by. */
export interface StoppedSession {
  readonly session: SessionRecord;
  readonly dir: string;
  readonly meta: Meta;
  readonly ledger: string;
}

/** Reads all of events.db and ledger. In words why the rows must stay; undefined where there are none. */
export function checkPurge(
  { session: { id }, dir, meta, ledger }: StoppedSession,
  deps: Pick<Deps, "env" | "signal">,
): Purgeable | string | undefined {
  if (corruptNames(listNames(dir), EVENTS).length > 0)
    return "AGH has moved a damaged events.db aside: agh-reconcile plan";
  const marks = (): Pick<Purgeable, "file" | "wal" | "ledger"> => ({
    file: readFileMark(joinPath(dir, EVENTS)),
    wal: readFileMark(walPath(joinPath(dir, EVENTS))),
    ledger: readFileMark(ledger),
  });
  const before = marks();
  using reading = openSettled(() => openEvents(dir, deps), deps);
  const { db } = reading;
  const { problem } = checkMigrations(db, "events");
  if (problem !== undefined) return problem;
  const { verdict } = compareLedger(ledger, db, id, headLine(meta, basename(dirname(dirname(ledger)))));
  if (verdict === "purged") return undefined;
  if (verdict !== "equal" && verdict !== "ended_at") return WHY[verdict];
  const { count, ...digest } = digestEvents(db);
  if (count === 0) return undefined;
  const own = digestLedger(ledger, id);
  if (own.count !== count || own.sha256 !== digest.sha256) return "its ledger does not hold every event byte for byte";
  if (REPAIRED_STOP_REASONS.has(meta.stop_reason) && predictBootRepair(dir, deps))
    return "AGH's next start has yet to repair its last turn";
  const sizes = sizesOf(readPageCounts(db), treesOf(db, "events"), before.wal?.size ?? 0);
  if (!reading.unchanged()) return "its events.db is being written to";
  return { verdict, events: count, ...digest, ...sizes, ...before };
}

const WHY = {
  prefix: "AGH's repair has appended events that its ledger lacks",
  raw_stripped: "its ledger has `raw` contents that its events have lost",
  differs: "its ledger differs from its events: agh-ledger compare names the line",
} as const;

interface Trees {
  readonly count: number;
  readonly bytes: number;
}

/** Pages of a table and its indexes. */
function treesOf(db: DatabaseSync, table: string): Trees {
  const names = db.prepare("SELECT name FROM sqlite_schema WHERE tbl_name = ? AND rootpage > 0").all(table);
  const size = db.prepare("SELECT sum(pgsize) AS bytes FROM dbstat WHERE name = ? AND aggregate = 1");
  const sizes = names.map(({ name }) => Number(size.get(String(name))?.["bytes"] ?? 0));
  return { count: names.length, bytes: sizes.reduce((sum, bytes) => sum + bytes, 0) };
}

/** Of every tree its empty root stays. */
function sizesOf({ pageSize, pages, free }: PageCounts, trees: Trees, wal: number): Pick<Purgeable, "frees" | "keeps"> {
  const frees = Math.max(0, trees.bytes - trees.count * pageSize + free * pageSize);
  return { frees: frees + wal, keeps: pages * pageSize - frees };
}
