// What a file is to the kernel: equal identities mean that nobody wrote to it in between.
import { fstatSync, statSync, type BigIntStats } from "node:fs";
import { osPath } from "./os-path.ts";

export interface FileIdentity {
  readonly dev: bigint;
  readonly ino: bigint;
  readonly size: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
}

/** The identity of a path (links followed) or an open file; undefined when there is no such path. */
export function statIdentity(file: string | number): FileIdentity | undefined {
  const stats = statFile(file);
  return stats && toIdentity(stats);
}

/** The identity within a stat that was made anyway. */
export function toIdentity({ dev, ino, size, mtimeNs, ctimeNs }: FileIdentity): FileIdentity {
  return { dev, ino, size, mtimeNs, ctimeNs };
}

/** Whether nobody wrote between the two; undefined (no such file) equals itself. */
export function sameIdentity(a: FileIdentity | undefined, b: FileIdentity | undefined): boolean {
  if (!a || !b) return a === b;
  return sameInode(a, b) && a.size === b.size && a.mtimeNs === b.mtimeNs && a.ctimeNs === b.ctimeNs;
}

/** Whether both are the same file, whatever was written to it. */
export function sameInode(a: FileIdentity, b: FileIdentity): boolean {
  return a.dev === b.dev && a.ino === b.ino;
}

/** One word to remember a file by from run to run. The device is left out: its number may change with a boot. */
export function formatIdentity({ ino, size, mtimeNs, ctimeNs }: FileIdentity): string {
  return `${ino}:${size}:${mtimeNs}:${ctimeNs}`;
}

// Stamps come from the kernel's tick (up to 10 ms): a second write within it leaves the identity as it was.
const TICK_NS = 20_000_000n;

/** True when the file changed so lately that a further write might not show in its identity. */
export function isFresh(identity: FileIdentity): boolean {
  const age = BigInt(Date.now()) * 1_000_000n - identity.ctimeNs;
  return age < TICK_NS && age > -TICK_NS;
}

function statFile(file: string | number): BigIntStats | undefined {
  if (typeof file === "number") return fstatSync(file, { bigint: true });
  try {
    return statSync(osPath(file), { bigint: true, throwIfNoEntry: false });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOTDIR") return undefined;
    throw error;
  }
}
