// The one rule for symbolic links and mounts: what a runtime follows is followed, unless it would swallow more than belongs to the home.
import { closeSync, constants, fstatSync, openSync, statfsSync, statSync, type BigIntStats } from "node:fs";
import { dirname } from "node:path";
import { foreignOwner, type Owner } from "../files/as-owner.ts";
import { isOwnersFile, isOwnersPath, pathAndAbove, readLinkText, realPath } from "../files/link-target.ts";
import { joinPath, osPath } from "../files/os-path.ts";
import {
  belowRoot,
  typeOf,
  type FollowedLink,
  type LinkPolicy,
  type PathFault,
  type PathPlace,
  type WalkEntry,
} from "../files/walk.ts";
import type { Deps } from "../records/deps.ts";
import type { Home } from "./home.ts";
import type { Root } from "./source.ts";

/** Directories of the system: whoever links to one of them links to a file system, not to state of a runtime. */
const SYSTEM =
  "bin boot dev etc home lib lib32 lib64 media mnt opt proc root run sbin srv sys tmp usr var Applications Library System Users Volumes private"
    .split(" ")
    .map((name) => `/${name}`);

/** How often directories that were followed before may be followed again from within followed ones. */
const AGAIN = 1000;

export class HomeLinks implements LinkPolicy {
  readonly #home: Pick<Home, "root" | "live">;
  readonly #owner: Owner | undefined;
  /** Directories that hold the home, and more. */
  readonly #outside: ReadonlySet<string>;
  readonly #followed = new Set<string>();
  #again = 0;

  /** `apart`: a directory that no link may lead above, such as the repository that is written to. */
  constructor(home: Pick<Home, "root" | "live">, { env }: Pick<Deps, "env">, apart?: string) {
    this.#home = home;
    this.#owner = home.live ? foreignOwner(home.root) : undefined;
    const user = env["HOME"] === undefined ? undefined : realPath(env["HOME"]);
    const tops = [home.root, user, apart && realPath(apart)].filter((top) => top !== undefined);
    this.#outside = identitiesOf(tops.flatMap((top) => [...pathAndAbove(top)]));
  }

  /** The owner of the home where it is not us who run as root. */
  get owner(): Owner | undefined {
    return this.#owner;
  }

  follow(place: PathPlace): FollowedLink {
    const path = belowRoot(place.root, place.path);
    const text = readLinkText(path);
    if (!this.#home.live) return { text, fault: fault("LINK_OUTSIDE", "is a symbolic link in a private copy") };
    const stat = statTarget(path);
    if ("code" in stat) return { text, fault: stat };
    const against = this.#reasonAgainst(path, stat, place);
    return against ? { text, fault: against } : { text, stat };
  }

  /** What lies behind a link or on another file system belongs to the home's owner, or is not read by root. */
  refuse(found: WalkEntry, { root, above }: PathPlace): PathFault | undefined {
    if (!this.#owner || Number(found.stat.uid) === this.#owner.uid) return undefined;
    const top = above[0]?.stat ?? statSync(osPath(root), { bigint: true });
    const isNamed = root !== this.#home.root && !root.startsWith(`${this.#home.root}/`);
    const isOutside = isNamed || found.stat.dev !== top.dev || above.some(({ link }) => link !== undefined);
    const isShared = found.type === "file" && found.stat.nlink > 1n;
    const isMount =
      found.type === "directory" && !isOutside && !this.#isOwnersDirectory(belowRoot(root, found.path), root);
    return isOutside || isShared || isMount ? foreign(found.stat) : undefined;
  }

  /** A bind mount has the device of what is mounted: only the kernel's own word tells it from a directory of the home. */
  #isOwnersDirectory(path: string, root: string): boolean {
    const fd = openSync(osPath(path), constants.O_RDONLY | constants.O_DIRECTORY);
    try {
      return isOwnersFile(fd, root, this.#owner!);
    } finally {
      closeSync(fd);
    }
  }

  /** Asked of what was opened: the path may have led elsewhere since it was looked at. */
  faultOfOpen(fd: number, root: string): PathFault | undefined {
    if (!this.#owner) return undefined;
    const stat = fstatSync(fd, { bigint: true });
    const isInHome = root === this.#home.root && isOwnersFile(fd, root, this.#owner);
    return isInHome || Number(stat.uid) === this.#owner.uid ? undefined : foreign(stat);
  }

  #reasonAgainst(path: string, stat: BigIntStats, { above }: PathPlace): PathFault | undefined {
    const real = realPath(path);
    if (real === undefined) return DANGLING;
    if (this.#owner && !isOwnersPath(real, this.#owner)) return foreign(stat);
    const type = typeOf(stat);
    if (type !== "file" && type !== "directory")
      return fault("LINK_OUTSIDE", `is a symbolic link to a ${type}: ${real}`);
    if (isOfKernel(real)) return fault("LINK_OUTSIDE", `is a symbolic link to a file of the kernel: ${real}`);
    return type === "directory" ? this.#reasonAgainstDirectory(path, real, stat, above) : undefined;
  }

  #reasonAgainstDirectory(
    path: string,
    real: string,
    stat: BigIntStats,
    above: readonly WalkEntry[],
  ): PathFault | undefined {
    const from = realPath(dirname(path)) ?? dirname(path);
    const isAbove = `${from}/`.startsWith(real === "/" ? real : `${real}/`);
    const id = identityOf(stat);
    if (this.#outside.has(id) || isOfSystem(real, stat))
      return fault("LINK_OUTSIDE", `is a symbolic link to ${real}, which holds more than what belongs to the home`);
    if (isAbove || above.some((each) => identityOf(each.stat) === id))
      return fault("LINK_LOOP", `is a symbolic link to ${real}, in which it lies itself`);
    return this.#isTooOften(id, above)
      ? fault("LINK_LOOP", "is a symbolic link to directories that were followed again and again")
      : undefined;
  }

  /** Links to links to directories of links multiply: what was taken before is not taken endlessly. */
  #isTooOften(id: string, above: readonly WalkEntry[]): boolean {
    const isNested = above.some(({ link }) => link !== undefined);
    if (isNested && this.#followed.has(id)) this.#again++;
    this.#followed.add(id);
    return this.#again > AGAIN;
  }
}

/** Root does not read what the settings of another user name, unless it is his. */
export function withOwnerFault(root: Root, { owner }: HomeLinks): Root {
  if (!owner || root.name === "home") return root;
  const tops = root.only?.map((name) => joinPath(root.dir, name)) ?? [root.dir];
  const isForeign = tops.some((top) => {
    const real = realPath(top);
    return real !== undefined && !isOwnersPath(real, owner);
  });
  return isForeign ? { ...root, missing: NOT_THE_OWNERS } : root;
}

const NOT_THE_OWNERS: PathFault = { code: "LINK_FOREIGN", reason: "does not belong to the owner of the home" };

/** What a runtime reads as a file, and is none. */
export const NOT_A_FILE = (type: string): PathFault =>
  fault("NOT_A_FILE", `is a ${TYPE_WORDS[type] ?? type} in the place of a file`);

const TYPE_WORDS: { readonly [type: string]: string | undefined } = { fifo: "named pipe" };

const fault = (code: string, reason: string): PathFault => ({ code, reason });

const DANGLING = fault("LINK_DANGLING", "is a symbolic link that leads nowhere");

const foreign = ({ uid }: BigIntStats): PathFault =>
  fault("LINK_FOREIGN", `belongs to user ${uid}, not to the owner of the home`);

/** What cannot be looked at for another reason is unreadable: the error is thrown. */
function statTarget(path: string): BigIntStats | PathFault {
  try {
    return statSync(osPath(path), { bigint: true, throwIfNoEntry: false }) ?? DANGLING;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOTDIR") return DANGLING;
    if (code === "ELOOP") return fault("LINK_LOOP", "is a symbolic link that leads to itself");
    throw error;
  }
}

const identityOf = ({ dev, ino }: Pick<BigIntStats, "dev" | "ino">): string => `${dev}:${ino}`;

function identitiesOf(paths: readonly string[]): ReadonlySet<string> {
  const stats = paths.flatMap((path) => statSync(osPath(path), { bigint: true, throwIfNoEntry: false }) ?? []);
  return new Set(stats.map(identityOf));
}

/** One that a user owns is a disk of his that is mounted there. */
const isOfSystem = (real: string, { uid }: BigIntStats): boolean => SYSTEM.includes(real) && uid === 0n;

/** proc, sysfs, cgroup, cgroup2, debugfs, tracefs, bpf, securityfs, devpts, mqueue. */
const KERNEL: ReadonlySet<number> = new Set([
  0x9fa0, 0x62656572, 0x27e0eb, 0x63677270, 0x64626720, 0x74726163, 0xcafe4a11, 0x73636673, 0x1cd1, 0x19800202,
]);

const isOfKernel = (real: string): boolean =>
  real === "/dev" || real.startsWith("/dev/")
    ? !real.startsWith("/dev/shm/")
    : KERNEL.has(statfsSync(osPath(real) as string).type);
