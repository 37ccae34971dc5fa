// Whether AGH's daemon, or a process it wrote down, runs here now. The flock on daemon.lock decides, not the text in it.
import { readFileSync } from "node:fs";
import { statIdentity } from "../../../files/identity.ts";
import { osPath } from "../../../files/os-path.ts";
import { readLocks } from "../../../files/proc-locks.ts";
import type { Deps } from "../../../records/deps.ts";
import type { Home } from "../../source.ts";
import { daemonFile, lockFile } from "./layout.ts";

type LivenessDeps = Pick<Deps, "isAlive" | "platform">;

export interface Daemon {
  /** Null where it cannot be known. */
  readonly alive: boolean | null;
  readonly pid?: number;
}

/** The daemon of a home. A copy (`home.live` false) has none. */
export function findDaemon(home: Home, deps: LivenessDeps): Daemon {
  if (!home.live) return { alive: false };
  const lock = statIdentity(lockFile(home.root));
  if (!lock) return { alive: false };
  const holder = deps.platform === "linux" ? readLocks()?.flockHolder(lock) : undefined;
  if (holder === undefined) return daemonByPid(home.root, deps);
  return holder === null ? { alive: false } : { alive: true, pid: holder };
}

/** Without a lock table: no pid, or a dead one, is no daemon; a live one may be anybody's. */
function daemonByPid(root: string, deps: LivenessDeps): Daemon {
  const info = daemonInfo(root);
  if (!info) return { alive: lockPid(root) === 0 ? false : null };
  const alive = processAlive(info.pid, info.started_at, deps);
  return alive === false ? { alive } : { alive, pid: info.pid };
}

interface DaemonInfo {
  readonly pid: number;
  readonly started_at?: string;
}

function daemonInfo(root: string): DaemonInfo | undefined {
  try {
    const info = JSON.parse(readFileSync(osPath(daemonFile(root)), "utf8")) as DaemonInfo | null;
    return Number.isSafeInteger(info?.pid) && info!.pid > 0 ? info! : undefined;
  } catch {
    return undefined; // removed by an orderly stop, or half gone: the lock's text is asked instead
  }
}

function lockPid(root: string): number {
  try {
    // An empty file is a release in progress.
    return Number(readFileSync(osPath(lockFile(root)), "latin1").trim()) || 0;
  } catch {
    return 0;
  }
}

const SLACK_MS = 2000;

/**
 * Whether a recorded process runs: its pid does, and (where the system tells) it started when the record says, for pids
 * are used again. Null where it cannot be known.
 */
export function processAlive(pid: number, startedAt: string | undefined, deps: LivenessDeps): boolean | null {
  const alive = deps.isAlive(pid);
  if (alive !== true) return alive ?? null;
  const [recorded, real] = [Date.parse(startedAt ?? ""), processStart(pid, deps)];
  if (real === undefined || Number.isNaN(recorded)) return null;
  return Math.abs(real - recorded) <= SLACK_MS;
}

/** Milliseconds since 1970, to a hundredth of a second. */
function processStart(pid: number, { platform }: LivenessDeps): number | undefined {
  if (platform !== "linux") return undefined;
  try {
    const boot = /^btime (\d+)$/m.exec(readFileSync("/proc/stat", "latin1"))?.[1];
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    const ticks = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
    return Number(boot) * 1000 + Number(ticks) * 10; // the kernel shows 100 ticks a second on every Linux
  } catch {
    return undefined;
  }
}
