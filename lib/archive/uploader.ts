// Where archives lie: puts many files there at once, durably, and replaces nothing that was finished.
import { createHash } from "node:crypto";
import { linkSync, readdirSync, renameSync, rmSync, unlinkSync } from "node:fs";
import { asOwner, type Owner } from "../files/as-owner.ts";
import { fsyncDir } from "../files/atomic.ts";
import { makeDirectories } from "../files/make-directories.ts";
import { joinPath, osPath } from "../files/os-path.ts";
import { scratchDir, type Scratch } from "../files/scratch.ts";
import { syncTree } from "../files/sync-tree.ts";
import { toFileError } from "../files/errors.ts";
import { transferFile } from "../journal/transfer.ts";
import { mapConcurrently } from "../policy/concurrency.ts";
import type { Deps } from "../records/deps.ts";
import { ToolError } from "../records/error.ts";
import type { Target } from "../targets/target.ts";

/** A finished local file and its place in the target. */
export interface Upload {
  readonly key: string;
  readonly file: string;
  readonly sha256: string;
  readonly bytes: number;
}

const AT_ONCE = 8;

/** Archives are put first, their receipts when the archives were read back: a receipt is never without its archive. */
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

  /** Puts archives; an unfinished one of an earlier run that has other bytes gives way. */
  putArchives(uploads: readonly Upload[]): Promise<void> {
    return this.#put(uploads, true);
  }

  /** Puts receipts; one that is there with other bytes is another run's: E_EXISTS (6). */
  putReceipts(uploads: readonly Upload[]): Promise<void> {
    return this.#put(uploads, false);
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

  async #put(uploads: readonly Upload[], replace: boolean): Promise<void> {
    const { dir } = this.target;
    if (uploads.length === 0) return;
    if (dir === undefined) return this.#upload(uploads, replace);
    try {
      syncTree(this.#scratch.path);
      for (const upload of uploads) await this.#publish(dir, upload, replace);
      fsyncDir(dir);
    } catch (error) {
      throw toFileError(dir, "write below", error);
    }
  }

  async #publish(dir: string, upload: Upload, replace: boolean): Promise<void> {
    const [from, to] = [osPath(this.#besideTarget(dir, upload)), osPath(joinPath(dir, upload.key))];
    const act = (change: () => void): void => asOwner(this.#owner, change);
    try {
      act(() => linkSync(from, to)); // a rename would replace what another run has just put
      return act(() => unlinkSync(from));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    if (await this.#holds(upload)) return act(() => rmSync(from));
    if (!replace) throw toFileError(joinPath(dir, upload.key), "write", exists());
    act(() => renameSync(from, to));
  }

  /** What was staged elsewhere is copied beside its place first, by its new owner. */
  #besideTarget(dir: string, { key, file }: Upload): string {
    if (!this.#owner) return file;
    const beside = joinPath(dir, `.agh-toolkit-${key}.tmp`);
    asOwner(this.#owner, () => rmSync(osPath(beside), { force: true }));
    transferFile(file, beside, this.#owner);
    return beside;
  }

  async #upload(uploads: readonly Upload[], replace: boolean): Promise<void> {
    await mapConcurrently(uploads, AT_ONCE, (upload) => this.#uploadOne(upload, replace));
  }

  async #uploadOne(upload: Upload, replace: boolean): Promise<void> {
    const { key, file } = upload;
    try {
      await this.target.put(key, { file }, { exclusive: true });
    } catch (error) {
      if (!(error instanceof ToolError) || error.code !== "E_EXISTS") throw error;
      if (await this.#holds(upload)) return;
      if (!replace) throw error;
      await this.target.delete(key);
      await this.target.put(key, { file }, { exclusive: true });
    }
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
