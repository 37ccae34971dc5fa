// What a symbolic link leads to, and whom everything on the way belongs to.
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  statSync,
} from "node:fs";
import { dirname } from "node:path";
import type { Owner } from "./as-owner.ts";
import { fromOsBytes, osPath } from "./os-path.ts";

/** The text of a symbolic link. */
export const readLinkText = (path: string): string =>
  fromOsBytes(readlinkSync(osPath(path), { encoding: "buffer" }) as Buffer);

/** The path without a link in it; undefined when it leads nowhere. */
export function realPath(path: string): string | undefined {
  try {
    return fromOsBytes(realpathSync.native(osPath(path), { encoding: "buffer" }));
  } catch {
    return undefined;
  }
}

/** A path and every directory above it, innermost first. */
export function* pathAndAbove(path: string): Generator<string> {
  for (let at = path; ; at = dirname(at)) {
    yield at;
    if (dirname(at) === at) return;
  }
}

/** Whether a path leads to what `owner` owns, by ways that only he and root can change, and that he could go himself. */
export function isOwnersPath(real: string, { uid }: Owner): boolean {
  const [target, ...above] = pathAndAbove(real);
  if (statSync(osPath(target!)).uid !== uid) return false;
  return above.every((dir) => {
    const stat = statSync(osPath(dir));
    return stat.uid === uid || (stat.uid === 0 && (stat.mode & 0o001) !== 0);
  });
}

/** Where an open file lies: its path as the kernel has it, and the mount; undefined where the kernel does not say. */
function placeOfOpen(fd: number): { path: string; mount: string } | undefined {
  try {
    const path = readLinkText(`/proc/self/fd/${fd}`);
    const mount = /^mnt_id:\t(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, "latin1"))?.[1];
    return mount === undefined ? undefined : { path, mount };
  } catch {
    return undefined;
  }
}

/**
 * Whether an open file may be read by root as a part of the tree at `root`, which belongs to `owner`: it is his, or it
 * truly lies in that tree, on its mount, under one name.
 */
export function isOwnersFile(fd: number, root: string, { uid }: Owner): boolean {
  const stat = fstatSync(fd);
  if (stat.uid === uid) return true;
  if (stat.isFile() && stat.nlink !== 1) return false;
  const place = placeOfOpen(fd);
  const top = openSync(osPath(root), constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    const tree = placeOfOpen(top);
    return place !== undefined && place.mount === tree?.mount && place.path.startsWith(`${tree.path}/`);
  } finally {
    closeSync(top);
  }
}

/**
 * Whether root would be led, by a link that another user could have put on the way, to what that user does not own.
 * `fd`: the file as it was opened; else what the path leads to now.
 */
export function isLedAstray(path: string, fd?: number): boolean {
  if (process.geteuid?.() !== 0) return false;
  const real = fd === undefined ? realPath(path) : placeOfOpen(fd)?.path;
  if (real === undefined || real === path) return false;
  const users = new Set([...pathAndAbove(path)].map((at) => lstatSync(osPath(at)).uid).filter((uid) => uid !== 0));
  if (users.size === 0) return false;
  return !users.has(fd === undefined ? statSync(osPath(real)).uid : fstatSync(fd).uid);
}

/** The text of a regular file, links followed. Throws ENXIO, without a wait, for anything else, and EACCES where root is led astray. */
export function readRegularText(path: string): string {
  const fd = openSync(osPath(path), constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    if (!fstatSync(fd).isFile()) throw errno("ENXIO", `${path} is not a regular file`);
    if (isLedAstray(path, fd)) throw errno("EACCES", `${path} leads to a file of another user`);
    return readFileSync(fd, "utf8");
  } finally {
    closeSync(fd);
  }
}

const errno = (code: string, message: string): Error => Object.assign(new Error(message), { code, syscall: "open" });
