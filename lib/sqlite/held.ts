// Database files that this process holds locks on, so that nothing else here opens them.
// POSIX locks go when any descriptor of the file is closed by the process: a plain read (or an immutable connection)
// would silently unlock it. The list is this thread's: lock and pin in the main thread only, and hand workers copies.
import { identityOf } from "../files/identity.ts";

const held = new Map<string, number>();

/** Marks a file as locked by this process until the returned function is called. */
export function hold(file: string): () => void {
  const key = keyOf(file);
  held.set(key, (held.get(key) ?? 0) + 1);
  return () => {
    const left = (held.get(key) ?? 1) - 1;
    if (left === 0) held.delete(key);
    else held.set(key, left);
  };
}

/** Throws (a bug, not a user's error) when the file must not be opened now. */
export function assertNotHeld(file: string): void {
  if (held.size > 0 && held.has(keyOf(file))) {
    throw new Error(`${file} is held open in SQLite by this process: reading it would drop its locks`);
  }
}

function keyOf(file: string): string {
  const identity = identityOf(file);
  return identity ? `${identity.dev}:${identity.ino}` : file;
}
