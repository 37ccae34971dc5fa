// The events of AGH's sessions as columns, wherever they lie: in events.db, in the ledger, in session-archive.
import type { Deps } from "../../../records/deps.ts";
import { EXIT, ToolError } from "../../../records/error.ts";
import type { SessionRecord } from "../../../records/runtime-kinds.ts";
import { toDatabaseError } from "../../../sqlite/errors.ts";
import type { EventColumns, EventColumnsReader } from "../../event-columns.ts";
import type { Home } from "../../source.ts";
import { findSessionDir, listArchivedSessions } from "../sessions/scan.ts";
import { readEventColumns } from "./event-columns.ts";
import { loadHistory } from "./history.ts";

export async function openEventColumns(home: Home, deps: Deps): Promise<EventColumnsReader> {
  const { root } = home;
  const history = await loadHistory(home, deps);
  return {
    *pages({ id }: SessionRecord, after: bigint): Generator<EventColumns> {
      const dir = findSessionDir(root, id) ?? listArchivedSessions(root).get(id);
      if (dir === undefined) throw new Error(`session ${id} has lost its directory`);
      using reading = history.open(dir, id);
      try {
        yield* readEventColumns(reading.db, after);
      } catch (error) {
        throw toDatabaseError(dir, error);
      }
      if (!reading.unchanged()) throw busy(id);
    },
  };
}

const busy = (id: string): ToolError =>
  new ToolError({
    code: "E_BUSY",
    message: `session ${id} was written to while it was read`,
    hint: "run it again",
    exit: EXIT.busy,
  });
