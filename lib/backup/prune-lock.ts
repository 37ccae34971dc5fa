// Only one prune works on a repository: a lock database in a directory, an object that expires elsewhere.
import { hostname } from "node:os";
import { sameInode, statIdentity } from "../files/identity.ts";
import { joinPath } from "../files/os-path.ts";
import { lockKey, LOCKS, nameIn } from "../formats/repository/layout.ts";
import type { Repository } from "../formats/repository/repository.ts";
import { decodeSealed, encodeSealed } from "../formats/sealed-json.ts";
import { ulid } from "../formats/ulid.ts";
import type { Deps } from "../records/deps.ts";
import { EXIT, ToolError } from "../records/error.ts";
import { lockDatabase } from "../sqlite/lock-database.ts";

type Clock = Pick<Deps, "now" | "signal">;

export interface PruneLock extends AsyncDisposable {
  /** Before each destructive step. Throws E_LOCK_LOST (5) when it has expired. */
  assertLocked(): Promise<void>;
}

/** Held by another one past `timeoutMs` → E_BUSY (5). */
export async function lockPrune(repo: Repository, timeoutMs: number, deps: Clock): Promise<PruneLock> {
  const { dir } = repo.target;
  return dir === undefined ? lockRemote(repo, deps) : lockDirectory(repo, { dir, timeoutMs }, deps);
}

/** Where a local repository's lock lies. */
export const lockDatabaseOf = (dir: string): string => joinPath(dir, "lock.db");

/** The database locks, and its lock dies with its holder; the object beside it says only who that is. */
async function lockDirectory(
  repo: Repository,
  { dir, timeoutMs }: { readonly dir: string; readonly timeoutMs: number },
  deps: Clock,
): Promise<PruneLock> {
  const file = lockDatabaseOf(dir);
  const lock = await lockDatabase(file, { timeoutMs, signal: deps.signal }).catch(async (error: unknown) => {
    const [entry] = await listLocks(repo);
    throw entry && error instanceof ToolError && error.code === "E_BUSY" ? busy(repo, entry.file) : error;
  });
  try {
    for (const { key } of await listLocks(repo)) await repo.target.delete(key); // of runs that were killed
    const mark = statIdentity(file);
    const own = await putLock(repo, deps);
    const assertLocked = async (): Promise<void> => {
      const now = statIdentity(file);
      if (!now || !mark || !sameInode(now, mark)) throw lost(repo);
    };
    const release = async (): Promise<void> => {
      try {
        await repo.target.delete(lockKey(own.id));
      } finally {
        lock.release();
      }
    };
    return { assertLocked, [Symbol.asyncDispose]: release };
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** A killed prune keeps others out for so long, where the repository is no directory. */
const EXPIRES_MS = 3_600_000;

export interface LockFile {
  readonly host: string;
  /** Absent in locks of older versions, as is `since`. */
  readonly pid?: number;
  readonly since?: string;
  readonly expires_at: string;
}

export interface LockEntry {
  readonly key: string;
  readonly id: string;
  /** Undefined where it is damaged. */
  readonly file: LockFile | undefined;
}

/** The locks that lie in a repository, whether or not anybody is behind them; oldest first. */
export async function listLocks(repo: Repository): Promise<LockEntry[]> {
  const entries: LockEntry[] = [];
  for await (const { key } of repo.target.list(LOCKS)) {
    const bytes = await repo.target.get(key);
    if (bytes) entries.push({ key, id: nameIn(key), file: decodeLock(bytes) });
  }
  return entries;
}

function decodeLock(bytes: Buffer): LockFile | undefined {
  const file = decodeSealed(bytes) as unknown as LockFile | undefined;
  const isSound =
    typeof file?.host === "string" &&
    !Number.isNaN(Date.parse(file.expires_at)) &&
    ["number", "undefined"].includes(typeof file.pid) &&
    ["string", "undefined"].includes(typeof file.since);
  return isSound ? file : undefined;
}

/** Puts its own, then looks for others: two that come together both see that, and both give way. */
async function lockRemote(repo: Repository, deps: Clock): Promise<PruneLock> {
  await assertAlone(repo, undefined, deps);
  let own = await putLock(repo, deps);
  const release = (): Promise<void> => repo.target.delete(lockKey(own.id));
  try {
    await assertAlone(repo, own.id, deps);
  } catch (error) {
    await release();
    throw error;
  }
  const assertLocked = async (): Promise<void> => {
    const left = own.expires - Date.now();
    // Somebody may have broken it.
    if (left <= 0 || !(await repo.target.head(lockKey(own.id)))) throw lost(repo);
    if (left > EXPIRES_MS / 2) return;
    const next = await putLock(repo, deps);
    await release();
    own = next;
  };
  return { assertLocked, [Symbol.asyncDispose]: release };
}

async function putLock(repo: Repository, deps: Clock): Promise<{ id: string; expires: number }> {
  const id = ulid(deps.now());
  const expires = Date.now() + EXPIRES_MS;
  const file: LockFile = {
    host: hostname(),
    pid: process.pid,
    since: new Date().toISOString(),
    expires_at: new Date(expires).toISOString(),
  };
  await repo.target.put(lockKey(id), encodeSealed(file).bytes, { exclusive: true });
  return { id, expires };
}

async function assertAlone(repo: Repository, own: string | undefined, { now }: Clock): Promise<void> {
  for (const { key, file } of await listLocks(repo)) {
    if (own !== undefined && key === lockKey(own)) continue;
    if (file && Date.parse(file.expires_at) > now().getTime()) throw busy(repo, file);
    await repo.target.delete(key);
  }
}

/** Whose lock it is, in words. */
export function lockOwner(file: LockFile | undefined): string {
  if (!file) return "an unknown run, whose lock file is damaged";
  const { host, pid, since } = file;
  return `${pid === undefined ? "a run" : `process ${pid}`} of ${host}${since === undefined ? "" : `, since ${since}`}`;
}

const busy = ({ url }: Repository, file: LockFile | undefined): ToolError =>
  new ToolError({
    code: "E_BUSY",
    message: `${url} is being pruned by ${lockOwner(file)}`,
    hint: `try again later; if that run was killed: agh-backup unlock --repo ${url}`,
    exit: EXIT.busy,
  });

const lost = ({ url }: Repository): ToolError =>
  new ToolError({
    code: "E_LOCK_LOST",
    message: `the lock on ${url} has expired, or was broken, while this run had it`,
    hint: "run it again: what is done stays done",
    exit: EXIT.busy,
  });
