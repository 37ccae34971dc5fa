// Where archives lie: puts many files there at once, durably, and replaces nothing that was finished.
import { createHash } from "node:crypto";
import { linkSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { asOwner, type Owner } from "../files/as-owner.ts";
import { fsyncDir } from "../files/atomic.ts";
import { holdFlock } from "../files/flock.ts";
import { makeDirectories } from "../files/make-directories.ts";
import { joinPath, osPath } from "../files/os-path.ts";
import { scratchDir, type Scratch } from "../files/scratch.ts";
import { syncTree } from "../files/sync-tree.ts";
import { toFileError } from "../files/errors.ts";
import { transferFile } from "../journal/transfer.ts";
import { mapConcurrently } from "../policy/concurrency.ts";
import type { Deps } from "../records/deps.ts";
import { EXIT, refusal, ToolError } from "../records/error.ts";
import type { Target } from "../targets/target.ts";

/** A finished local file and its place in the target. */
export interface Upload {
  readonly key: string;
  /** Its place where other bytes have that one. */
  readonly otherKey?: string;
  readonly file: string;
  readonly sha256: string;
  readonly bytes: number;
}

export interface Uploaded {
  readonly key: string;
  /** False where the same bytes lay there. */
  readonly isNew: boolean;
}

/** A file that takes the place of another, which must still have the bytes it had. */
export interface ReceiptReplacement extends Upload {
  readonly expected: Buffer;
}

const AT_ONCE = 8;
const LOCK_TIMEOUT_MS = 10_000;

/**
 * Files of archives are put first, their receipts when they were read back: a receipt is never without its archive. Nothing that is there
 * is overwritten but a receipt by one that says more: two that archive one session at once cannot spoil each other's archive.
 */
export class Uploader implements Disposable {
  readonly target: Target;
  #scratch: Scratch;
  #owner: Owner | undefined;

  /**
   * Makes the target's directory where it is one. Throws (6) when nothing can be written there. `owner`: the target lies in a home of
   * another user, and we are root.
   */
  constructor(target: Target, { env }: Pick<Deps, "env">, owner?: Owner) {
    this.target = target;
    this.#owner = owner;
    if (target.dir !== undefined) asOwner(owner, () => makeDirectory(target.dir!));
    // In the target itself, so that a rename publishes; what killed runs left there is removed with the first look.
    const isBeside = target.dir !== undefined && owner === undefined;
    this.#scratch = scratchDir(isBeside ? { TMPDIR: target.dir } : env);
  }

  /** A new empty directory whose files can be put. */
  stage(): string {
    return this.#scratch.fresh();
  }

  /** Where each lies now: under its other name where other bytes have the first. Those of both names → E_EXISTS (6). */
  putFiles(uploads: readonly Upload[]): Promise<Uploaded[]> {
    return this.#put(uploads, async (upload) => {
      const uploaded = await this.#place(upload);
      if (uploaded) return uploaded;
      throw toFileError(`${this.target.url}/${upload.otherKey ?? upload.key}`, "write", exists());
    });
  }

  /** Undefined for each that is there with other bytes: another run's. */
  putReceipts(uploads: readonly Upload[]): Promise<(Uploaded | undefined)[]> {
    return this.#put(uploads, (upload) => this.#place(upload));
  }

  /** Undefined for each whose old receipt is not the expected one any more. */
  async replaceReceipts(replacements: readonly ReceiptReplacement[]): Promise<(Uploaded | undefined)[]> {
    if (replacements.length === 0) return [];
    await using _ = await this.#lock();
    return await this.#put(replacements, (one) => this.#replace(one));
  }

  /** Removes what this run has put, and no receipt names. */
  async remove(key: string): Promise<void> {
    const { dir } = this.target;
    if (dir === undefined) return this.target.delete(key);
    asOwner(this.#owner, () => rmSync(osPath(joinPath(dir, key)), { force: true }));
  }

  [Symbol.dispose](): void {
    this.#scratch[Symbol.dispose]();
  }

  /** Removes what killed runs have left in a directory; writes nothing where there is none of it. */
  static removeStale(target: Target): void {
    if (target.dir === undefined || !namesIn(target.dir).some((name) => name.startsWith("agh-toolkit-"))) return;
    using scratch = scratchDir({ TMPDIR: target.dir });
    scratch.fresh();
  }

  async #put<U extends Upload, T>(uploads: readonly U[], one: (upload: U) => Promise<T>): Promise<T[]> {
    const { dir } = this.target;
    if (uploads.length === 0) return [];
    if (dir === undefined) return mapConcurrently(uploads, AT_ONCE, one);
    try {
      syncTree(this.#scratch.path);
      const done: T[] = [];
      for (const upload of uploads) done.push(await one(upload));
      fsyncDir(dir);
      return done;
    } catch (error) {
      throw toFileError(dir, "write to", error);
    }
  }

  async #place(upload: Upload): Promise<Uploaded | undefined> {
    const { otherKey } = upload;
    const uploaded = await this.#publish(upload);
    return uploaded || otherKey === undefined ? uploaded : this.#publish({ ...upload, key: otherKey });
  }

  /** Undefined where other bytes have its name. */
  async #publish(upload: Upload): Promise<Uploaded | undefined> {
    const { key } = upload;
    if (await this.#create(upload)) return { key, isNew: true };
    return (await this.#holds(upload)) ? { key, isNew: false } : undefined;
  }

  /** False where there is something of its name. */
  async #create(upload: Upload): Promise<boolean> {
    const { dir } = this.target;
    try {
      if (dir === undefined) await this.target.put(upload.key, { file: upload.file }, { exclusive: true });
      else this.#link(dir, upload);
      return true;
    } catch (error) {
      const { code } = error as { readonly code?: unknown };
      if (code !== "EEXIST" && code !== "E_EXISTS") throw error;
      return false;
    }
  }

  /** A rename would replace what another run has just put. */
  #link(dir: string, upload: Upload): void {
    const [from, to] = [osPath(this.#besideTarget(dir, upload)), osPath(joinPath(dir, upload.key))];
    try {
      asOwner(this.#owner, () => linkSync(from, to));
    } finally {
      if (this.#owner) asOwner(this.#owner, () => rmSync(from, { force: true }));
    }
  }

  async #replace(replacement: ReceiptReplacement): Promise<Uploaded | undefined> {
    const { key, file, expected } = replacement;
    const { target } = this;
    const before = await target.get(key);
    const content = readFileSync(osPath(file));
    if (before?.equals(content)) return { key, isNew: false };
    if (!before?.equals(expected)) return undefined;
    const { dir } = target;
    if (dir !== undefined) {
      const from = this.#besideTarget(dir, replacement);
      asOwner(this.#owner, () => renameSync(osPath(from), osPath(joinPath(dir, key))));
      return { key, isNew: true };
    }
    if (!target.replace) throw refusal("E_CANNOT", `${target.url} cannot replace a receipt`, "name another target");
    try {
      await target.replace(key, content, expected);
      return { key, isNew: true };
    } catch (error) {
      if (error instanceof ToolError && error.code === "E_EXISTS") return undefined;
      throw error;
    }
  }

  /** In a directory receipts are replaced by one run at a time; where there is no flock(1) nobody waits. */
  async #lock(): Promise<AsyncDisposable | undefined> {
    const { dir } = this.target;
    if (dir === undefined) return undefined;
    try {
      const lock = await holdFlock(dir, LOCK_TIMEOUT_MS, this.#owner);
      if (lock) return lock;
    } catch (error) {
      if (!(error instanceof ToolError) || error.code !== "E_NO_FLOCK") throw error;
      return undefined;
    }
    throw new ToolError({
      code: "E_BUSY",
      message: `another run replaces receipts in ${dir}`,
      hint: "run it again when that has ended",
      exit: EXIT.busy,
    });
  }

  /** What was staged elsewhere is copied beside its place first, by its new owner. */
  #besideTarget(dir: string, { key, file }: Upload): string {
    if (!this.#owner) return file;
    const beside = joinPath(dir, `.agh-toolkit-${key}.tmp`);
    asOwner(this.#owner, () => rmSync(osPath(beside), { force: true }));
    transferFile(file, beside, this.#owner);
    return beside;
  }

  /** Whether the target has these very bytes there. */
  async #holds({ key, sha256, bytes }: Upload): Promise<boolean> {
    const head = await this.target.head(key);
    if (head?.size !== bytes) return false;
    const hash = createHash("sha256");
    for (let offset = 0; offset < bytes;) {
      const piece = await this.target.get(key, { offset, length: 4 << 20 });
      if (!piece || piece.length === 0) return false;
      hash.update(piece);
      offset += piece.length;
    }
    return hash.digest("hex") === sha256;
  }
}

function namesIn(dir: string): string[] {
  try {
    return readdirSync(osPath(dir));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw toFileError(dir, "read", error);
  }
}

const exists = (): Error => Object.assign(new Error("exists"), { code: "EEXIST", syscall: "link" });

function makeDirectory(dir: string): void {
  try {
    makeDirectories(dir);
  } catch (error) {
    throw toFileError(dir, "make", error);
  }
}
