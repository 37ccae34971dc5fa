// Who holds which lock, as /proc/locks of Linux lists them; elsewhere that is unknown.
import { readFileSync } from "node:fs";

interface Inode {
  readonly dev: bigint;
  readonly ino: bigint;
}

/**
 * One reading of the kernel's lock table. Answers are undefined where they cannot be known: file systems whose
 * device number in stat is not the one in the table (btrfs, overlay) may hide a lock behind another device.
 * Processes of foreign PID namespaces and other machines (NFS) are never seen.
 */
export interface LockTable {
  /** The process that holds flock(2) exclusively; null = nobody. */
  flockHolder(file: Inode): number | null | undefined;
  /** Processes whose POSIX locks cover the byte; [] = nobody. */
  posixHolders(file: Inode, byte: number): readonly number[] | undefined;
}

interface Lock {
  readonly type: string;
  readonly write: boolean;
  readonly pid: number;
  readonly device: string;
  readonly start: number;
  readonly end: number;
}

/** The table as it is now; undefined where the system has none. */
export function readLocks(source = "/proc/locks"): LockTable | undefined {
  try {
    return parseLocks(readFileSync(source, "latin1"));
  } catch {
    return undefined; // no /proc, or not for us: "unknown" is the whole answer
  }
}

/** The table in a text of the form of /proc/locks. */
export function parseLocks(text: string): LockTable {
  const byInode = new Map<string, Lock[]>();
  for (const line of text.split("\n")) {
    const parsed = parseLine(line);
    if (!parsed) continue;
    const [ino, lock] = parsed;
    const known = byInode.get(ino);
    if (known) known.push(lock);
    else byInode.set(ino, [lock]);
  }
  const holders = (file: Inode, matches: (lock: Lock) => boolean): number[] | undefined => {
    const device = deviceText(file.dev);
    const locks = (byInode.get(String(file.ino)) ?? []).filter(matches);
    const sure = locks.filter((lock) => lock.device === device);
    if (sure.length > 0) return [...new Set(sure.map((lock) => lock.pid))];
    return locks.some((lock) => isAnonymous(lock.device) || isAnonymous(device)) ? undefined : [];
  };
  return {
    flockHolder(file) {
      const pids = holders(file, (lock) => lock.type === "FLOCK" && lock.write);
      return pids && (pids[0] ?? null);
    },
    posixHolders: (file, byte) =>
      holders(file, (lock) => lock.type === "POSIX" && lock.start <= byte && byte <= lock.end),
  };
}

// "7: POSIX  ADVISORY  READ 4727 fe:00:9979141 128 128"; a line with "->" waits and holds nothing.
const LINE = /^\d+: (\w+) +\w+ +(\w+) (-?\d+) ([0-9a-f]+:[0-9a-f]+):(\d+) (\d+) (\d+|EOF)$/;

function parseLine(line: string): [ino: string, lock: Lock] | undefined {
  const [, type, access, pid, device, ino, start, end] = LINE.exec(line) ?? [];
  if (!type || !device || !ino) return undefined;
  const last = end === "EOF" ? Infinity : Number(end);
  return [ino, { type, write: access === "WRITE", pid: Number(pid), device, start: Number(start), end: last }];
}

function deviceText(dev: bigint): string {
  const major = ((dev >> 8n) & 0xfffn) | ((dev >> 32n) & ~0xfffn);
  const minor = (dev & 0xffn) | ((dev >> 12n) & ~0xffn);
  return `${hex(major)}:${hex(minor)}`;
}

const hex = (part: bigint): string => part.toString(16).padStart(2, "0");

/** Major 0: a device that no disk stands behind; only there do the two numbers differ. */
const isAnonymous = (device: string): boolean => device.startsWith("00:");
