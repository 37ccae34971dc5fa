// Purges the rows of events.db that the ledger holds: what AGH promises with events_purge_grace and does not do.
import { statSync } from "node:fs";
import { joinPath, osPath } from "../../../files/os-path.ts";
import { SessionHome } from "../custody/session-home.ts";
import { doubtAbout, timesOf } from "../../../policy/retirement.ts";
import type { Deps } from "../../../records/deps.ts";
import type { SessionRecord } from "../../../records/runtime-kinds.ts";
import type { Home } from "../../source.ts";
import type { HomePurge, Purgeable } from "../../upkeep.ts";
import { EVENTS, metaFile } from "../home/layout.ts";
import { readMeta } from "../sessions/meta.ts";
import { PURGE_GAP_MS } from "../sessions/purged.ts";
import { checkPurge } from "./check-purge.ts";

export async function openPurge(home: Home, deps: Deps): Promise<HomePurge> {
  const from = await SessionHome.open(home, deps);
  return {
    inspect: (session, grace) => inspectPurgeable(from, session, grace, deps),
    rewrite: ({ id }) => {
      const ledger = from.ledgerOf(id).ledger!;
      return {
        path: joinPath(from.directoryOf(id)!, EVENTS),
        table: "events",
        // By which listings know, without a look into the file: see lib/sources/agh/sessions/purged.ts.
        mtime: (out) => Math.max(statSync(osPath(out)).mtimeMs, statSync(osPath(ledger)).mtimeMs + PURGE_GAP_MS),
      };
    },
  };
}

function inspectPurgeable(
  from: SessionHome,
  session: SessionRecord,
  grace: number,
  deps: Deps,
): Purgeable | string | undefined {
  const { id, effective, has } = session;
  if (effective === "purged" || !has.dir) return undefined;
  const against = from.reasonAgainst(session) ?? doubtAbout(timesOf(session), deps.now());
  if (against !== undefined) return against;
  if (effective !== "stopped") return `it is ${effective}`;
  if (session.last_sequence === null || !session.last_event_at) return undefined;
  const age = deps.now().getTime() - Date.parse(session.last_event_at);
  if (!(age > grace)) return `its last event is younger than the grace time of ${hoursOf(grace)}`;
  const { ledger } = from.ledgerOf(id);
  if (!has.ledger || ledger === undefined) return `it has no ledger: run agh-ledger write ${id}`;
  const dir = from.directoryOf(id)!;
  const read = readMeta(metaFile(from.home.root, dir.slice(dir.lastIndexOf("/") + 1)));
  if (!("meta" in read)) return "its meta.json cannot be read: agh-reconcile check";
  return checkPurge({ session, dir, meta: read.meta, ledger }, deps);
}

const hoursOf = (ms: number): string => (ms % 3_600_000 === 0 ? `${ms / 3_600_000} h` : `${ms / 1000} s`);
