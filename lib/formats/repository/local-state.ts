// What this machine remembers of a repository, whatever the repository says of itself: one file (0600) a repository.
import { hash } from "node:crypto";
import { readFileSync } from "node:fs";
import { writeAtomic } from "../../files/atomic.ts";
import { toFileError } from "../../files/errors.ts";
import { makeDirectories } from "../../files/make-directories.ts";
import { osPath } from "../../files/os-path.ts";
import type { Deps } from "../../records/deps.ts";
import { placeError } from "../../records/error.ts";
import { lockDatabase } from "../../sqlite/lock-database.ts";
import { decodeSealed, encodeSealed } from "../sealed-json.ts";
import type { HeadState } from "./authorship/head-log.ts";
import type { RepositoryPin } from "./authorship/pins.ts";
import type { StoredBytes } from "./repository.ts";

export const LOCAL_STATE_FORMAT = 1;

/** Every member may be absent; members that this version does not know are kept as they are. */
export interface LocalState {
  readonly format: number;
  /** Snapshots that this machine has made, or has seen, by their ids. */
  readonly snapshots?: { readonly [id: string]: KnownSnapshot };
  /** Packs that an index has named. */
  readonly packs?: readonly string[];
  /** What the repository was when this machine first used it, or accepted it. */
  readonly pin?: RepositoryPin;
  /** The newest head of its log that this machine has seen. */
  readonly head?: HeadState;
  /** Of a place: its name, and the repositories that were used there, the newest last. */
  readonly place?: string;
  readonly repositories?: readonly string[];
}

/** Size and digest are its manifest's. */
export interface KnownSnapshot extends StoredBytes {
  readonly home_id: string;
}

const LOCK_TIMEOUT_MS = 10_000;

/** The state of one repository, in `$XDG_STATE_HOME/agh-toolkit`. */
export class LocalStateFile {
  readonly path: string;
  #seen: LocalState | undefined;

  /** Undefined where there is no place for it. */
  static of(repositoryId: string, env: Deps["env"]): LocalStateFile | undefined {
    return /^[0-9A-Z]{26}$/.test(repositoryId) ? LocalStateFile.#named(repositoryId, env) : undefined;
  }

  /** What was at a place, whatever is there now. */
  static ofPlace(place: string, env: Deps["env"]): LocalStateFile | undefined {
    return LocalStateFile.#named(`places/${hash("sha256", place).slice(0, 32)}`, env);
  }

  static #named(name: string, env: Deps["env"]): LocalStateFile | undefined {
    const home = env["HOME"]?.trim();
    const states = env["XDG_STATE_HOME"]?.trim() || (home ? `${home}/.local/state` : undefined);
    return states?.startsWith("/") ? new LocalStateFile(`${states}/agh-toolkit/${name}.json`) : undefined;
  }

  private constructor(path: string) {
    this.path = path;
  }

  /** Nothing remembered is an empty state. Not what was written → E_LOCAL_STATE_DAMAGED (6). */
  read(): LocalState {
    let bytes: Buffer;
    try {
      bytes = readFileSync(osPath(this.path));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return { format: LOCAL_STATE_FORMAT };
      throw toFileError(this.path, "read", error);
    }
    const state = decodeSealed(bytes);
    if (!state) throw damaged(this.path);
    if (state["format"] !== LOCAL_STATE_FORMAT) throw unknownFormat(this.path, state["format"]);
    const { digest: _, ...members } = state;
    return members as unknown as LocalState;
  }

  /** What was last read or written by this object; nothing remembered where that cannot be read. */
  get seen(): LocalState {
    try {
      return (this.#seen ??= this.read());
    } catch {
      return (this.#seen = { format: LOCAL_STATE_FORMAT });
    }
  }

  /** Writes what `change` makes of the state; one process after the other. Nothing is written where it returns the same. */
  async update(change: (state: LocalState) => LocalState): Promise<void> {
    const dir = this.path.slice(0, this.path.lastIndexOf("/"));
    try {
      makeDirectories(dir);
    } catch (error) {
      throw toFileError(dir, "make", error);
    }
    const signal = new AbortController().signal;
    using _lock = await lockDatabase(`${this.path.slice(0, -".json".length)}.lock`, {
      timeoutMs: LOCK_TIMEOUT_MS,
      signal,
    });
    const before = this.read();
    const after = change(before);
    if (after !== before) writeAtomic(this.path, encodeSealed(after).bytes, { mode: 0o600 });
    this.#seen = after;
  }
}

const damaged = (path: string) =>
  placeError(
    "E_LOCAL_STATE_DAMAGED",
    `${path}, what this machine remembers of the repository, is damaged`,
    `verify the repository, then remove ${path}`,
  );

const unknownFormat = (path: string, format: unknown) =>
  placeError("E_FORMAT_UNKNOWN", `${path} has format ${String(format)}, which this version does not know`);
