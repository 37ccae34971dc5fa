// Only one prune works on a repository: a lock database in a directory, an object that expires elsewhere.
import { hostname } from "node:os";
import { joinPath } from "../files/os-path.ts";
import { lockKey, LOCKS } from "../formats/repository/layout.ts";
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
  if (dir === undefined) return lockRemote(repo, deps);
  const lock = await lockDatabase(joinPath(dir, "lock.db"), { timeoutMs, signal: deps.signal });
  return { assertLocked: async () => undefined, [Symbol.asyncDispose]: async () => lock.release() };
}

/** A killed prune keeps others out for so long. */
const EXPIRES_MS = 3_600_000;

interface LockFile {
  readonly host: string;
  readonly expires_at: string;
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
    if (left > EXPIRES_MS / 2) return;
    if (left <= 0 || !(await repo.target.head(lockKey(own.id)))) throw lost(repo);
    const next = await putLock(repo, deps);
    await release();
    own = next;
  };
  return { assertLocked, [Symbol.asyncDispose]: release };
}

async function putLock(repo: Repository, deps: Clock): Promise<{ id: string; expires: number }> {
  const id = ulid(deps.now());
  const expires = Date.now() + EXPIRES_MS;
  const file: LockFile = { host: hostname(), expires_at: new Date(expires).toISOString() };
  await repo.target.put(lockKey(id), encodeSealed(file).bytes, { exclusive: true });
  return { id, expires };
}

async function assertAlone(repo: Repository, own: string | undefined, { now }: Clock): Promise<void> {
  for await (const { key } of repo.target.list(LOCKS)) {
    if (own !== undefined && key === lockKey(own)) continue;
    const bytes = await repo.target.get(key);
    const file = bytes && (decodeSealed(bytes) as unknown as LockFile | undefined);
    if (file && Date.parse(file.expires_at) > now().getTime()) throw busy(repo, file);
    await repo.target.delete(key);
  }
}

const busy = ({ url }: Repository, { host, expires_at }: LockFile): ToolError =>
  new ToolError({
    code: "E_BUSY",
    message: `${url} is being pruned from ${host}; if that was killed, its lock ends at ${expires_at}`,
    hint: "try again later",
    exit: EXIT.busy,
  });

const lost = ({ url }: Repository): ToolError =>
  new ToolError({
    code: "E_LOCK_LOST",
    message: `the lock on ${url} has expired while this prune ran`,
    hint: "run it again: what is done stays done",
    exit: EXIT.busy,
  });
