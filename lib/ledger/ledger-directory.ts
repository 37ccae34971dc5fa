// Where ledgers may be written, and with which owner and mode.
import {
  fchmodSync,
  fchownSync,
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  statSync,
} from "node:fs";
import { dirname } from "node:path";
import { fsyncDir } from "../files/atomic.ts";
import { osPath } from "../files/os-path.ts";
import { toFileError } from "../files/errors.ts";
import type { Deps } from "../records/deps.ts";
import { placeError, refusal } from "../records/error.ts";
import type { Ledgers } from "../sources/ledgers.ts";
import type { Home } from "../sources/source.ts";

const OTHERS_MAY_WRITE = 0o022;

/** Refuses (exit 4) copies, homes whose settings cannot be read, and those that others may write to. */
export async function assertWritable(home: Home, ledgers: Ledgers, deps: Deps): Promise<void> {
  if (!home.live)
    throw refusal("E_READ_ONLY_PLACE", `${home.place} is a copy and is never written to`, "name a home: --home DIR");
  const { root, problem } = await ledgers.place(home, deps);
  if (problem) throw refusal("E_CONFIG_UNREADABLE", problem.message, problem.hint);
  for (const dir of new Set([home.root, root])) {
    const mode = statSync(osPath(dir), { throwIfNoEntry: false })?.mode ?? 0;
    if (mode & OTHERS_MAY_WRITE) {
      throw refusal(
        "E_UNSAFE_MODE",
        `${dir} can be written to by others (mode ${(mode & 0o777).toString(8)})`,
        `chmod go-w ${dir}`,
      );
    }
  }
}

export interface LedgerOwner {
  readonly uid: number;
  readonly gid: number;
}

/** Makes the directory of a new ledger, and those above it that are missing, as AGH does: 0755, the parent's owner. */
export function makeLedgerDir(dir: string): LedgerOwner {
  try {
    return ensureDirectory(dir);
  } catch (error) {
    throw toFileError(dir, "make", error);
  }
}

function ensureDirectory(dir: string): LedgerOwner {
  const found = lstatSync(osPath(dir), { throwIfNoEntry: false });
  if (found && !found.isDirectory()) {
    throw placeError(
      "E_NOT_A_DIRECTORY",
      `${dir} is not a directory; links are not followed`,
      `inspect it: ls -ld ${dir}`,
    );
  }
  if (found) return found;
  const parent = dirname(dir);
  const owner = ensureDirectory(parent);
  mkdirSync(osPath(dir), { mode: 0o755 });
  const fd = openSync(osPath(dir), constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    if (fstatSync(fd).uid !== owner.uid) fchownSync(fd, owner.uid, owner.gid);
    fchmodSync(fd, 0o755); // whatever the umask
  } finally {
    closeSync(fd);
  }
  fsyncDir(parent);
  return owner;
}
