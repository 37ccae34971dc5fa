// A home that nobody else changes: no other run of ours, and its daemon kept out by its own lock.
import { statSync } from "node:fs";
import { asOwner, foreignOwner } from "../files/as-owner.ts";
import { holdFlock, type Flock } from "../files/flock.ts";
import { joinPath, osPath } from "../files/os-path.ts";
import { makeOwnDirectory } from "../journal/execute.ts";
import { toolkitDir } from "../journal/locations.ts";
import { assertOwnState } from "../journal/runs.ts";
import type { Deps } from "../records/deps.ts";
import { refusal } from "../records/error.ts";
import { lockDatabase, type DatabaseLock } from "../sqlite/lock-database.ts";
import type { Home } from "../sources/source.ts";
import type { OpenPlace } from "./detect-source.ts";

/** A killed run of ours lets go a moment after its death; a daemon does not. */
const FLOCK_PATIENCE_MS = 500;

export interface HomeLockOptions {
  readonly lockTimeoutMs: number;
  /** Only other runs of ours are kept out: what changes is nothing that the daemon reads. */
  readonly daemonMayRun?: boolean;
}

/**
 * Does `change` while nobody else can. Refuses (4) a live daemon, a home that others may write to, and a system
 * without flock(1); busy (5) after the timeout; (6) where nothing can be written.
 */
export async function withHomeLock<T>(
  { home, source }: Pick<OpenPlace, "home" | "source">,
  { lockTimeoutMs, daemonMayRun = false }: HomeLockOptions,
  deps: Deps,
  change: () => Promise<T>,
): Promise<T> {
  assertOwnHome(home);
  assertOwnState(home.root);
  const owner = foreignOwner(home.root);
  const file = joinPath(toolkitDir(home.root), "lock.db");
  asOwner(owner, () => makeOwnDirectory(home.root, toolkitDir(home.root)));
  const lock = await lockDatabase(file, { timeoutMs: lockTimeoutMs, signal: deps.signal, owner });
  const daemonLock = daemonMayRun ? undefined : source.daemonLock?.(home);
  let flock: Flock | undefined;
  let result: T;
  try {
    if (daemonLock !== undefined) {
      flock = await holdFlock(daemonLock, FLOCK_PATIENCE_MS, owner);
      if (!flock) throw daemonIsLive(home);
    }
    result = await change();
  } catch (error) {
    await end(lock, flock).catch(() => undefined); // what brought us here is told; locks die with us
    throw error;
  }
  await end(lock, flock);
  return result;
}

async function end(lock: DatabaseLock, flock: Flock | undefined): Promise<void> {
  await flock?.release();
  lock.release();
}

function assertOwnHome({ root, place }: Home): void {
  const { mode } = statSync(osPath(root));
  if ((mode & 0o022) === 0) return;
  throw refusal(
    "E_UNSAFE_MODE",
    `${place} is writable by others (mode ${(mode & 0o777).toString(8)})`,
    `chmod go-w ${place}`,
  );
}

const daemonIsLive = ({ place }: Home): Error =>
  refusal("E_DAEMON_LIVE", `the daemon of ${place} is running`, "agh daemon stop, then try again");
