// Database files that this process holds locks on, so that nothing else here opens them.
// POSIX locks go when any descriptor of the file is closed by the process: a plain read (or an immutable connection)
// would silently unlock it. The list is this thread's: lock and pin in the main thread only, and hand workers copies.
import { statIdentity } from "../files/identity.ts";

const openLocks = new Map<string, number>();

/** Marks a file as locked by this process until the returned function is called. */
export function addOpenLock(file: string): () => void {
  const key = keyOf(file);
  openLocks.set(key, (openLocks.get(key) ?? 0) + 1);
  return () => {
    const left = (openLocks.get(key) ?? 1) - 1;
    if (left === 0) openLocks.delete(key);
    else openLocks.set(key, left);
  };
}

/** Throws (a bug, not a user's error) when the file must not be opened now. */
export function assertNoOpenLock(file: string): void {
  if (openLocks.size > 0 && openLocks.has(keyOf(file))) {
    throw new Error(`${file} is open in SQLite in this process: reading it would drop its locks`);
  }
}

function keyOf(file: string): string {
  const identity = statIdentity(file);
  return identity ? `${identity.dev}:${identity.ino}` : file;
}
