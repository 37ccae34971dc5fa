// Where bytes go: a flat space of keys whose objects are written once, whole, and never changed.
import { usageError } from "../records/error.ts";
import { directoryTarget } from "./directory.ts";
import { s3Target } from "./s3.ts";

/** A finished local file that `put` may move instead of copying. */
export interface StagedFile {
  readonly file: string;
}

export interface Range {
  readonly offset: number;
  readonly length: number;
}

export interface Target {
  /** The word that names it, as `--repo` takes it. */
  readonly url: string;
  /** Where it is a local directory. */
  readonly dir?: string;
  /** A private local directory for files that are to be put; `discard` removes it with what is left in it. */
  stage(): Stage;
  /**
   * Stores an object, durable when it resolves. An object that is there already is left as it is: equal keys mean
   * equal bytes here, but for `exclusive` ones, which fail with E_EXISTS.
   */
  put(key: string, content: Uint8Array | StagedFile, options?: { readonly exclusive?: boolean }): Promise<void>;
  /**
   * Puts other bytes in the place of an object, whole or not at all, where its bytes are still `expected`; else E_EXISTS. A target
   * without it keeps what it has.
   */
  replace?(key: string, content: Uint8Array, expected: Uint8Array): Promise<void>;
  /** The object, or a range of it (shorter where it ends); undefined when there is none. */
  get(key: string, range?: Range): Promise<Buffer | undefined>;
  head(key: string): Promise<{ readonly size: number } | undefined>;
  /** Objects whose key begins with `prefix` (which ends with `/`, or is empty), in the order of their keys. */
  list(prefix: string): AsyncIterable<{ readonly key: string; readonly size: number }>;
  /** Removes the object; no error when it does not exist. */
  delete(key: string): Promise<void>;
}

export interface Stage extends Disposable {
  readonly dir: string;
  discard(): void;
}

type OpenTarget = (url: string) => Target;

const BUILT_IN: ReadonlyMap<string, OpenTarget> = new Map([["s3", (url: string) => s3Target(url)]]);
const registered = new Map<string, OpenTarget>();

/** The scheme of a URL, `://` after it. */
const schemeOf = (url: string): string | undefined => /^([a-z][a-z0-9+.-]*):\/\//.exec(url)?.[1];

/** Adds a kind of target: `SCHEME://…` is opened by `open`, which reads nothing yet. Throws (2) for a scheme that is taken. */
export function registerTarget(scheme: string, open: OpenTarget): void {
  if (schemeOf(`${scheme}://`) !== scheme) throw usageError(`'${scheme}' is not the scheme of a URL`);
  if (BUILT_IN.has(scheme) || registered.has(scheme)) throw usageError(`targets of ${scheme}:// are already known`);
  registered.set(scheme, open);
}

/** The target that a URL names: a directory, a prefix in an S3 bucket, or one that was registered. Nothing is read yet. */
export function targetOf(url: string): Target {
  const scheme = schemeOf(url);
  if (scheme === undefined) return directoryTarget(url);
  const open = BUILT_IN.get(scheme) ?? registered.get(scheme);
  if (open) return open(url);
  throw usageError(`${scheme}:// cannot hold a repository`, "name a directory, or s3://BUCKET/PREFIX");
}

/** False for what was registered: another thread does not know it. */
export function canOpenInWorkers({ url }: Target): boolean {
  const scheme = schemeOf(url);
  return scheme === undefined || BUILT_IN.has(scheme);
}
