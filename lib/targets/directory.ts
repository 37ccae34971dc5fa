// A target that is a local directory: an object is a file, published by a rename.
import {
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  linkSync,
  lstatSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
  writeSync,
  type Stats,
} from "node:fs";
import { dirname, resolve } from "node:path";
import { fsyncDir, fsyncFile } from "../files/atomic.ts";
import { makeDirectories } from "../files/make-directories.ts";
import { fromOsBytes, joinPath, osPath } from "../files/os-path.ts";
import { toFileError } from "../files/errors.ts";
import { placeError } from "../records/error.ts";
import type { Range, Stage, StagedFile, Target } from "./target.ts";

const STAGES = ".stage";

export function directoryTarget(url: string): Target {
  const dir = resolve(url);
  const pathOf = (key: string): string => joinPath(dir, key);
  const attempt = async <T>(operation: string, key: string, act: () => T): Promise<T> => {
    try {
      return act();
    } catch (error) {
      throw toFileError(pathOf(key), operation, error);
    }
  };
  return {
    url: dir,
    dir,
    stage: () => stageIn(dir),
    put: (key, content, { exclusive = false } = {}) => attempt("write", key, () => put(dir, key, content, exclusive)),
    replace: (key, content, expected) => attempt("write", key, () => replace(dir, pathOf(key), content, expected)),
    get: (key, range) => attempt("read", key, () => get(pathOf(key), range)),
    head: (key) => attempt("read", key, () => head(pathOf(key))),
    list: (prefix) => list(dir, prefix),
    delete: (key) => attempt("remove", key, () => rmSync(osPath(pathOf(key)), { force: true })),
  };
}

function stageIn(dir: string): Stage {
  try {
    makeDirectories(joinPath(dir, STAGES));
    removeAbandoned(joinPath(dir, STAGES));
    const made = fromOsBytes(mkdtempSync(osPath(joinPath(dir, `${STAGES}/run-`)) as string, { encoding: "buffer" }));
    const discard = (): void => rmSync(osPath(made), { recursive: true, force: true });
    return { dir: made, discard, [Symbol.dispose]: discard };
  } catch (error) {
    throw toFileError(dir, "write below", error);
  }
}

// As long as prune lets a run take before what it has put counts as garbage.
const ABANDONED_MS = 24 * 3_600_000;

/** Stages of runs that were killed. */
function removeAbandoned(stages: string): void {
  for (const name of readdirSync(osPath(stages))) {
    const path = osPath(joinPath(stages, name));
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (stat && Date.now() - stat.mtimeMs > ABANDONED_MS) rmSync(path, { recursive: true, force: true });
  }
}

function put(dir: string, key: string, content: Uint8Array | StagedFile, exclusive: boolean): void {
  const path = joinPath(dir, key);
  if (existsSync(osPath(path))) {
    if (exclusive) throw placeError("E_EXISTS", `${path} exists already`);
    return;
  }
  makeDirectories(dirname(path), { durable: true });
  if (!("file" in content)) return putBytes(dir, path, content, exclusive);
  fsyncFile(content.file);
  publish(content.file, path, exclusive);
}

function putBytes(dir: string, path: string, content: Uint8Array, exclusive: boolean): void {
  using stage = stageIn(dir);
  const file = joinPath(stage.dir, "object");
  writeWhole(file, content);
  publish(file, path, exclusive);
}

function replace(dir: string, path: string, content: Uint8Array, expected: Uint8Array): void {
  if (!get(path, undefined)?.equals(expected)) throw placeError("E_EXISTS", `${path} was changed`);
  putBytes(dir, path, content, false);
}

function writeWhole(file: string, bytes: Uint8Array): void {
  const fd = openSync(osPath(file), "wx", 0o600);
  try {
    for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function publish(file: string, path: string, exclusive: boolean): void {
  if (exclusive) {
    linkNew(file, path); // a rename would replace what another run has just put
    unlinkSync(osPath(file));
  } else renameSync(osPath(file), osPath(path));
  fsyncDir(dirname(path));
}

/** Another run may have put it since it was looked for. */
function linkNew(file: string, path: string): void {
  try {
    linkSync(osPath(file), osPath(path));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    throw placeError("E_EXISTS", `${path} exists already`);
  }
}

function get(path: string, range: Range | undefined): Buffer | undefined {
  const fd = undefinedIfMissing(() => openSync(osPath(path), "r"));
  if (fd === undefined) return undefined;
  try {
    const offset = range?.offset ?? 0;
    const length = Math.max(0, Math.min(range?.length ?? Infinity, fstatSync(fd).size - offset));
    const bytes = Buffer.allocUnsafe(length);
    let at = 0;
    for (let read = 1; at < length && read > 0; at += read) read = readSync(fd, bytes, at, length - at, offset + at);
    return bytes.subarray(0, at);
  } finally {
    closeSync(fd);
  }
}

function head(path: string): { size: number } | undefined {
  const stat = undefinedIfMissing(() => statSync(osPath(path)));
  return stat?.isFile() ? { size: stat.size } : undefined;
}

async function* list(dir: string, prefix: string): AsyncGenerator<{ key: string; size: number }> {
  for (const { name, stat } of namesAtOnce(joinPath(dir, prefix))) {
    if (prefix === "" && name === STAGES) continue;
    const key = prefix + name;
    if (stat.isDirectory()) yield* list(dir, `${key}/`);
    else if (stat.isFile()) yield { key, size: stat.size };
  }
}

interface NameWithStat {
  readonly name: string;
  readonly stat: Stats;
}

const TRIES = 50;

/** A name that goes while it is looked at may have been replaced by one that came after the listing: then all is listed anew. */
function namesAtOnce(dir: string): NameWithStat[] {
  for (let tries = 1; ; tries++) {
    const names = (undefinedIfMissing(() => readdirSync(osPath(dir))) ?? []).sort();
    const found = names.map((name) => ({
      name,
      stat: undefinedIfMissing(() => lstatSync(osPath(joinPath(dir, name)))),
    }));
    const existing = found.filter((one): one is NameWithStat => one.stat !== undefined);
    if (existing.length === found.length || tries === TRIES) return existing;
  }
}

function undefinedIfMissing<T>(act: () => T): T | undefined {
  try {
    return act();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw error;
  }
}
