// Who holds a session: the pid in its row, which stays there when the process dies.
import type { SQLOutputValue } from "node:sqlite";
import type { Deps } from "../../../records/deps.ts";
import type { SessionRecord } from "../../../records/runtime-kinds.ts";
import type { Home } from "../../source.ts";

export interface AgshLock {
  /** Null where the column names no process: then agsh takes the session for free. */
  readonly pid: number | null;
  /** Null where it cannot be known: of a copy, or of a number that is no single process. */
  readonly alive: boolean | null;
}

const DIGITS = /^\+?\d{1,10}$/;
const MOST_U32 = 4_294_967_295;
const MOST_PID = 2_147_483_647;

/** The pid as agsh reads it (Rust's u32); undefined for what is none. */
export function pidOf(text: string): number | undefined {
  if (!DIGITS.test(text)) return undefined;
  const pid = Number(text);
  return pid <= MOST_U32 ? pid : undefined;
}

/** Undefined where nobody claims the session. A process of another user is alive, whatever agsh makes of it. */
export function lockOf(
  lockedBy: SQLOutputValue,
  { live }: Pick<Home, "live">,
  deps: Pick<Deps, "isAlive">,
): AgshLock | undefined {
  if (lockedBy === null) return undefined;
  const pid = pidOf(String(lockedBy));
  if (pid === undefined) return { pid: null, alive: false };
  if (!live) return { pid, alive: null };
  // kill(0) asks for agsh's own group, which runs; beyond pid_t it would ask for whole groups of others.
  if (pid === 0) return { pid, alive: true };
  return { pid, alive: pid > MOST_PID ? null : (deps.isAlive(pid) ?? null) };
}

/** What a session really is, as its lock tells; `dead` claims life without a process. */
export function effectiveOf(lock: AgshLock | undefined): SessionRecord["effective"] {
  if (lock === undefined || lock.pid === null) return "stopped";
  return lock.alive === null ? "unknown" : lock.alive ? "running" : "dead";
}

export function resumable(lock: AgshLock | undefined): SessionRecord["resumable"] {
  if (lock === undefined) return { ok: true, reason: "it is not locked" };
  if (lock.pid === null) return { ok: true, reason: "its lock names no process: agsh treats it as not locked" };
  if (lock.alive === true) return { ok: false, reason: `process ${lock.pid} has locked it` };
  if (lock.alive === null)
    return { ok: false, reason: `whether process ${lock.pid} still runs cannot be determined here` };
  return { ok: true, reason: `process ${lock.pid} is dead: agsh takes over its lock` };
}
