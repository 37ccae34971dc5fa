// The verb without a name, and `homes`: how homes are, one `home` record each.
import { statfsSync } from "node:fs";
import { osPath } from "../files/os-path.ts";
import { walk } from "../files/walk.ts";
import { defaultHomes } from "../places/default-home.ts";
import type { Place } from "../places/open-with-capability.ts";
import { openPlace, type OpenPlace } from "../places/place.ts";
import type { Deps } from "../records/deps.ts";
import { ToolError, asPartial } from "../records/error.ts";
import type { HomeRecord, PathRecord, SessionRecord } from "../records/runtime-kinds.ts";
import { hasCrashed } from "../sources/selection.ts";
import { HomeLinks } from "../sources/links.ts";
import type { Source } from "../sources/source.ts";
import { readBackupTimes } from "./backup-times.ts";

/** One `home` record with everything that is worth a look in the morning. */
export async function* overview(where: Place, deps: Deps): AsyncGenerator<HomeRecord> {
  using place = await openPlace(where.home, where, deps);
  const extra = { ...(await countSessions(place, deps)), ...(await measureBytes(place, deps)) };
  yield homeRecord(place, deps, { ...extra, ...(await readBackupTimes(place.home.id, deps)) });
}

/** Every home that is found: what is asked for, else what the environment and the default places hold. Maybe none. */
export async function* listHomes(where: Place, deps: Deps): AsyncGenerator<HomeRecord> {
  if (where.home !== undefined) return yield* overview(where, deps);
  for (const { dir: home, runtime } of defaultHomes(deps, where.runtime)) {
    try {
      yield* overview({ ...where, home, runtime }, deps);
    } catch (error) {
      if (!(error instanceof ToolError)) throw error;
      if (!ABSENT.has(error.code)) deps.log.problem(error);
    }
  }
}

const ABSENT: ReadonlySet<string> = new Set(["E_NO_HOME", "E_NOT_A_HOME"]);

type Counted = Pick<HomeRecord, "sessions" | "by_state" | "crashed_24h" | "ledgers_missing" | "problem">;
type Bytes = Pick<HomeRecord, "sessions_bytes" | "total_bytes">;
type Extra = Counted & Bytes & Pick<HomeRecord, "last_backup_at" | "last_drill_at">;

function homeRecord({ home, source }: OpenPlace, deps: Deps, extra: Extra): HomeRecord {
  const { catalog_bytes, ...state } = source.state(home, deps);
  const { sessions, by_state, crashed_24h, ledgers_missing, problem, sessions_bytes, total_bytes, ...backups } = extra;
  return {
    kind: "home",
    runtime: home.runtime,
    home: home.place,
    id: home.id,
    ...state,
    sessions,
    by_state,
    crashed_24h,
    ledgers_missing,
    catalog_bytes,
    sessions_bytes,
    total_bytes,
    ...backups,
    disk_free_bytes: home.live ? statFreeBytes(home.root) : undefined,
    problem,
  };
}

/** A home whose sessions cannot be listed at all is still a home. */
async function countSessions({ home, source }: OpenPlace, deps: Deps): Promise<Counted> {
  try {
    const sessions: SessionRecord[] = [];
    for await (const session of source.sessions(home, {}, deps)) sessions.push(session);
    return countStates(source, sessions, deps);
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    deps.log.problem(asPartial(error));
    return { sessions: 0, problem: error.message };
  }
}

const DAY_MS = 86_400_000;

const lacksLedger = ({ effective, has }: SessionRecord): boolean => effective === "stopped" && !has.ledger;

function countStates(source: OpenPlace["source"], sessions: readonly SessionRecord[], deps: Deps): Counted {
  const yesterday = deps.now().getTime() - DAY_MS;
  const byState: { [effective: string]: number } = {};
  for (const { effective } of sessions) byState[effective] = (byState[effective] ?? 0) + 1;
  const isRecent = ({ updated_at }: SessionRecord): boolean => Date.parse(updated_at ?? "") >= yesterday;
  return {
    sessions: sessions.length,
    by_state: byState,
    crashed_24h: sessions.filter((session) => hasCrashed(session) && isRecent(session)).length,
    ledgers_missing: source.writesLedgers ? sessions.filter(lacksLedger).length : undefined,
  };
}

/** Of the home's own tree; where that is a project, of what belongs to the runtime in it. */
async function measureBytes({ home, source }: OpenPlace, deps: Deps): Promise<Bytes> {
  const only = source.rootOf && (await source.roots(home, deps)).find(({ name }) => name === "home")?.only;
  let [sessions, total] = [0, 0];
  const links = new HomeLinks(home, deps);
  for (const { path, type, stat } of walk(home.root, { links, unreadable: () => undefined, ...(only && { only }) })) {
    if (type !== "file") continue;
    total += Number(stat.size);
    if (isSessions(source, path, type)) sessions += Number(stat.size);
  }
  return { sessions_bytes: sessions, total_bytes: total };
}

/** Sessions that are databases of their own lie in one directory, whatever else there is in it. */
const isSessions = (source: Source, path: string, type: PathRecord["type"]): boolean =>
  source.sessionsAreDatabases ? path.startsWith("sessions/") : source.classify("home", path, type).class === "sessions";

function statFreeBytes(root: string): number {
  const { bavail, bsize } = statfsSync(osPath(root));
  return bavail * bsize;
}
