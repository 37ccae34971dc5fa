// Who has a WAL database open: every connection holds a POSIX lock on the "dead man's switch" byte of its -shm.
import type { LockTable } from "../files/proc-locks.ts";
import { statIdentity } from "../files/identity.ts";
import { shmPath } from "./sidecars.ts";

const DEAD_MAN_SWITCH = 128;

/** Processes that have the database open; [] = nobody; undefined = unknown. Never opens the `-shm` (that drops locks). */
export function walOwners(file: string, locks: LockTable | undefined): readonly number[] | undefined {
  const shm = statIdentity(shmPath(file));
  return shm ? locks?.posixHolders(shm, DEAD_MAN_SWITCH) : [];
}
