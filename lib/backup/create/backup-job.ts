// One home about to be backed up: opened, its roots known, its daemon locked out for a cold copy.
import { foreignOwner } from "../../files/as-owner.ts";
import { holdFlock, type Flock } from "../../files/flock.ts";
import { compareRoots } from "../../formats/repository/listing.ts";
import type { Place } from "../../places/open-with-capability.ts";
import { openPlace } from "../../places/place.ts";
import type { Deps } from "../../records/deps.ts";
import { refusal, usageError } from "../../records/error.ts";
import type { Home, Root, Source } from "../../sources/source.ts";

/** `cut`: one moment of a home whose daemon may run. `cold`: its daemon is kept out meanwhile. */
export interface Consistency {
  readonly consistency: "cut" | "cold";
  /** How long `cold` waits for a daemon to end. */
  readonly lockTimeoutMs: number;
}

export interface BackupJob extends AsyncDisposable {
  readonly home: Home;
  readonly source: Source;
  /** In the order of the listing. */
  readonly roots: readonly Root[];
  readonly consistency: "cut" | "cold";
}

/** Opens the home until the job is disposed of. A live daemon refuses `cold` (4). */
export async function openBackupJob(
  { home: word, ...options }: Place,
  { consistency, lockTimeoutMs }: Consistency,
  deps: Deps,
): Promise<BackupJob> {
  if (word?.startsWith("backup:")) throw usageError(`${word} is a backup already`, "--home DIR");
  await using opened = new AsyncDisposableStack();
  const { home, source } = opened.use(await openPlace(word, options, deps));
  if (consistency === "cold") opened.use(await lockOutDaemon({ home, source }, lockTimeoutMs));
  const roots = [...(await source.roots(home, deps, { absent: true }))].sort((a, b) => compareRoots(a.name, b.name));
  const resources = opened.move();
  return { home, source, roots, consistency, [Symbol.asyncDispose]: () => resources.disposeAsync() };
}

async function lockOutDaemon(
  { home, source }: Pick<BackupJob, "home" | "source">,
  timeoutMs: number,
): Promise<Flock | undefined> {
  const { live, place } = home;
  if (!live) return undefined; // a private copy, which nobody writes to
  const file = source.daemonLock?.(home);
  if (file === undefined) throw usageError(`${place} has no daemon to lock out`, "omit --consistency cold");
  const lock = await holdFlock(file, timeoutMs, foreignOwner(home.root));
  if (lock) return lock;
  throw refusal("E_DAEMON_LIVE", `the daemon of ${place} is running`, "agh daemon stop, or omit --consistency cold");
}
