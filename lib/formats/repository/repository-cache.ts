// What a machine without the private key knows of an encrypted repository: plain copies of what it wrote itself.
import { hash } from "node:crypto";
import { chmodSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { osPath } from "../../files/os-path.ts";
import type { Deps } from "../../records/deps.ts";

const YOUNG_MS = 24 * 3_600_000;

/** Indexes, manifests and listing pages by their keys, 0600 in a directory of the repository's own, each behind its digest. */
export class RepositoryCache {
  readonly #dir: string;

  /** Undefined where there is no place for caches. */
  static of(id: string, env: Deps["env"]): RepositoryCache | undefined {
    const home = env["HOME"]?.trim();
    const caches = env["XDG_CACHE_HOME"]?.trim() || (home ? `${home}/.cache` : undefined);
    if (!caches?.startsWith("/") || !/^[0-9A-Z]{26}$/.test(id)) return undefined;
    return new RepositoryCache(`${caches}/agh-toolkit/${id}`);
  }

  private constructor(dir: string) {
    this.#dir = dir;
  }

  /** Undefined when it is not there, or not what was written: then it counts as not there. */
  read(key: string): Buffer | undefined {
    let file: Buffer;
    try {
      file = readFileSync(osPath(this.#path(key)));
    } catch {
      return undefined; // a cache that cannot be read is none
    }
    const content = file.subarray(32);
    return hash("sha256", content, "buffer").equals(file.subarray(0, 32)) ? content : undefined;
  }

  /** A cache that cannot be written makes the next run slower, and this one no worse. */
  write(key: string, content: Uint8Array): void {
    const path = this.#path(key);
    const temp = `${path}.${hash("sha256", content).slice(0, 12)}.tmp`;
    try {
      mkdirSync(osPath(dirname(path)), { recursive: true, mode: 0o700 });
      chmodSync(osPath(this.#dir), 0o700);
      rmSync(osPath(temp), { force: true });
      writeFileSync(osPath(temp), Buffer.concat([hash("sha256", content, "buffer"), content]), {
        mode: 0o600,
        flag: "wx",
      });
      renameSync(osPath(temp), osPath(path));
    } catch {
      discard(temp);
    }
  }

  /** All that begin with `prefix`, which ends with `/`. */
  keys(prefix: string): string[] {
    try {
      return readdirSync(osPath(this.#path(prefix)), "utf8").map((name) => prefix + name);
    } catch {
      return []; // nothing was cached yet
    }
  }

  /** Removes all below `prefix` but these, and what another run may just have written. */
  keep(prefix: string, keys: ReadonlySet<string>): void {
    for (const key of this.keys(prefix).filter((each) => !keys.has(each))) {
      const path = osPath(this.#path(key));
      const stat = statSync(path, { throwIfNoEntry: false });
      if (stat && Date.now() - stat.mtimeMs > YOUNG_MS) rmSync(path, { force: true });
    }
  }

  #path(key: string): string {
    return `${this.#dir}/${key}`;
  }
}

function discard(path: string): void {
  try {
    rmSync(osPath(path), { force: true });
  } catch {
    // as little can be removed as could be written
  }
}
