// Breaks the lock of a prune that was killed, and says whose it was. One that is alive on this machine is never broken.
import { rmSync } from "node:fs";
import { hostname } from "node:os";
import { statIdentity } from "../files/identity.ts";
import { osPath } from "../files/os-path.ts";
import { readLocks } from "../files/proc-locks.ts";
import { openRepository, type Repository } from "../formats/repository/repository.ts";
import { ulid } from "../formats/ulid.ts";
import type { Deps } from "../records/deps.ts";
import { refusal, ToolError } from "../records/error.ts";
import type { Action } from "../records/result-kinds.ts";
import type { AnyRecord } from "../records/record.ts";
import { Tally } from "../records/summary.ts";
import { lockDatabase } from "../sqlite/lock-database.ts";
import { listLocks, lockDatabaseOf, lockOwner, type LockEntry, type LockFile } from "./prune-lock.ts";

export interface UnlockRepository {
  readonly repo: string;
  readonly apply: boolean;
}

/**
 * Yields an `action` for each lock, planned or, with `apply`, done, and a `summary`. With `apply` and a run that is alive on
 * this machine → E_LOCK_ALIVE (4).
 */
export async function* unlockRepository({ repo: url, apply }: UnlockRepository, deps: Deps): AsyncGenerator<AnyRecord> {
  const repo = await openRepository(url, { env: deps.env });
  const tally = new Tally("agh-backup unlock", deps, ulid(deps.now()));
  const locks = await findLocks(repo, deps);
  const alive = locks.find(({ alivePid }) => alivePid !== undefined);
  if (apply && alive) {
    throw refusal(
      "E_LOCK_ALIVE",
      `${repo.url} is locked by process ${alive.alivePid} of this machine, which is running`,
      `wait, or end it first: kill ${alive.alivePid}`,
    );
  }
  for (const lock of locks) {
    if (apply) await lock.remove();
    tally.done();
    yield actionOf(repo, lock, lock.alivePid !== undefined ? "skipped" : apply ? "done" : "planned");
  }
  yield tally.summary(apply ? {} : { status: "planned" });
}

interface FoundLock {
  readonly id: string;
  readonly file: LockFile | undefined;
  /** The process of this machine that has it; undefined where none does, or where that cannot be known. */
  readonly alivePid: number | undefined;
  readonly reason: string;
  remove(): Promise<void>;
}

const actionOf = (repo: Repository, { id, file, alivePid, reason }: FoundLock, state: Action["state"]): Action => ({
  kind: "action",
  home: repo.url,
  id,
  verb: "break-lock",
  subject: {
    repository: repo.file.id,
    host: file?.host ?? null,
    pid: alivePid ?? file?.pid ?? null,
    since: file?.since ?? null,
    expires_at: file?.expires_at ?? null,
  },
  state,
  reason,
});

async function findLocks(repo: Repository, deps: Deps): Promise<readonly FoundLock[]> {
  const entries = await listLocks(repo);
  const { dir } = repo.target;
  if (dir === undefined) return entries.map((entry) => remoteLock(repo, entry, deps));
  return (await isFree(dir, deps))
    ? entries.map((entry) => leftover(repo, entry))
    : [directoryLock(repo, dir, entries, deps)];
}

/** The process of this machine that a lock names, where it runs. */
const alivePidOf = (file: LockFile | undefined, { isAlive }: Deps): number | undefined =>
  file?.pid !== undefined && file.host === hostname() && isAlive(file.pid) !== false ? file.pid : undefined;

function remoteLock(repo: Repository, { key, id, file }: LockEntry, deps: Deps): FoundLock {
  const isExpired = file !== undefined && Date.parse(file.expires_at) <= deps.now().getTime();
  return {
    id,
    file,
    alivePid: isExpired ? undefined : alivePidOf(file, deps),
    reason: `it is that of ${lockOwner(file)}${isExpired ? ", and has expired" : ""}`,
    remove: () => repo.target.delete(key),
  };
}

/** The database's lock is gone with its process: what lies beside it keeps nobody out. */
const leftover = (repo: Repository, { key, id, file }: LockEntry): FoundLock => ({
  id,
  file,
  alivePid: undefined,
  reason: `it is that of ${lockOwner(file)}, which has ended`,
  remove: () => repo.target.delete(key),
});

/** Somebody has the database's lock: a process here, or one on another machine that has the file system as well. */
function directoryLock(repo: Repository, dir: string, entries: readonly LockEntry[], deps: Deps): FoundLock {
  const path = lockDatabaseOf(dir);
  const file = entries.at(-1)?.file;
  return {
    id: entries.at(-1)?.id ?? "lock.db",
    file,
    alivePid: databaseHolder(path) ?? alivePidOf(file, deps),
    reason: `it is that of ${file ? lockOwner(file) : "a run on another machine"}`,
    remove: async () => {
      rmSync(osPath(path), { force: true });
      for (const { key } of entries) await repo.target.delete(key);
    },
  };
}

/** Where SQLite's exclusive locks are. */
const SHARED_BYTE = 0x4000_0002;

function databaseHolder(path: string): number | undefined {
  const identity = statIdentity(path);
  return identity && readLocks()?.posixHolders(identity, SHARED_BYTE)?.[0];
}

async function isFree(dir: string, { signal }: Deps): Promise<boolean> {
  if (!statIdentity(lockDatabaseOf(dir))) return true;
  try {
    (await lockDatabase(lockDatabaseOf(dir), { timeoutMs: 0, signal })).release();
    return true;
  } catch (error) {
    if (error instanceof ToolError && error.code === "E_BUSY") return false;
    throw error;
  }
}
