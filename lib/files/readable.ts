// Whether this process may read a file, as far as its mode shows: without a look at it, which would cost a system call a path.
import type { BigIntStats } from "node:fs";

/** An access list may allow more: what this denies is to be tried. */
export function isReadableByMode(
  { uid, gid, mode }: Pick<BigIntStats, "uid" | "gid" | "mode">,
  isDirectory = false,
): boolean {
  const self = identity();
  if (self === undefined || self.uid === 0n) return true;
  const shift = uid === self.uid ? 6n : self.groups.has(gid) ? 3n : 0n;
  const needed = isDirectory ? 0o5n : 0o4n;
  return ((mode >> shift) & needed) === needed;
}

interface Identity {
  readonly uid: bigint;
  readonly groups: ReadonlySet<bigint>;
}

let known: Identity | undefined;

/** Undefined where there are no such modes. */
function identity(): Identity | undefined {
  if (!process.geteuid || !process.getegid || !process.getgroups) return undefined;
  const uid = BigInt(process.geteuid());
  if (known?.uid !== uid) {
    known = { uid, groups: new Set([process.getegid(), ...process.getgroups()].map(BigInt)) };
  }
  return known;
}
