// A private place for copies that are only read: made when first needed, gone when done.
import { lstatSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { userInfo } from "node:os";
import { fromOsBytes, joinPath, osPath } from "./os-path.ts";
import { toFileError } from "./errors.ts";

export interface Scratch extends Disposable {
  /** A directory of mode 0700, made at the first look. */
  readonly path: string;
  /** A new empty directory within it. */
  fresh(): string;
  /** Removes one of those early; what cannot go now goes with the rest. */
  discard(directory: string): void;
  remove(): void;
}

/** A scratch place in TMPDIR (else /tmp). What dead processes left there is removed when it is made. */
export function scratchDir(env: { readonly [name: string]: string | undefined }): Scratch {
  const parent = env["TMPDIR"] || "/tmp";
  let made: string | undefined;
  const remove = (): void => {
    if (made !== undefined) rmSync(osPath(made), { recursive: true, force: true });
    made = undefined;
  };
  const scratch = {
    get path(): string {
      return (made ??= makeScratchIn(parent));
    },
    fresh: (): string => {
      try {
        return makeTemp(joinPath(scratch.path, "d-"));
      } catch (error) {
        throw toFileError(parent, "make a scratch directory in", error);
      }
    },
    discard: (directory: string): void => attempt(() => rmSync(osPath(directory), { recursive: true, force: true })),
    remove,
    [Symbol.dispose]: (): void => attempt(remove),
  };
  return scratch;
}

/** On a full or failing disk the first error is the one reported, and the next run removes what is left. */
function attempt(clear: () => void): void {
  try {
    clear();
  } catch {
    // reported by the caller
  }
}

const NAME = /^agh-toolkit-([0-9a-f]+)-(\d+)-(\d+)-/;

function makeScratchIn(parent: string): string {
  const self = readSelf();
  const owner = self ? `${self.world}-${self.pid}-${self.started}` : "0-0-0";
  try {
    if (self) removeLeftovers(parent, self);
    return makeTemp(joinPath(parent, `agh-toolkit-${owner}-`));
  } catch (error) {
    throw toFileError(parent, "make a scratch directory in", error);
  }
}

const makeTemp = (prefix: string): string => fromOsBytes(mkdtempSync(osPath(prefix) as string, { encoding: "buffer" }));

interface Self {
  /** Boot and PID namespace: a number means the same process only within both. */
  readonly world: string;
  readonly pid: string;
  readonly started: string;
}

function readSelf(): Self | undefined {
  try {
    const pid = readlinkSync("/proc/self");
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "latin1").slice(0, 8);
    const namespace = Number(/\d+/.exec(readlinkSync("/proc/self/ns/pid"))?.[0]).toString(16);
    return { world: boot + namespace, pid, started: readStartTime(pid) ?? "0" };
  } catch {
    return undefined; // no /proc: leftovers stay, which harms nobody
  }
}

/** A process's start in clock ticks since boot; undefined when it does not run. */
function readStartTime(pid: string): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  } catch {
    return undefined;
  }
}

function removeLeftovers(parent: string, self: Self): void {
  const { uid } = userInfo();
  for (const name of readdirSync(osPath(parent))) {
    const [, world, pid, started] = NAME.exec(name) ?? [];
    if (world !== self.world || !pid || readStartTime(pid) === started) continue;
    const path = osPath(joinPath(parent, name));
    const stats = lstatSync(path, { throwIfNoEntry: false });
    if (stats?.isDirectory() && stats.uid === uid) rmSync(path, { recursive: true, force: true });
  }
}
