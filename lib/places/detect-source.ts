// An open place, and which source reads the directory behind it.
import { joinPath } from "../files/os-path.ts";
import { toFileError } from "../files/errors.ts";
import { placeError, usageError } from "../records/error.ts";
import { detectRuntime, RUNTIMES, runtimeNames, type Runtime, type RuntimeName } from "../sources/runtimes.ts";
import type { Home, Source } from "../sources/source.ts";

export interface PlaceOptions {
  readonly runtime?: RuntimeName | "auto" | undefined;
  /** Takes the place of the computed id. */
  readonly homeId?: string | undefined;
  /** The place is open already: it is used as it is, and stays open. */
  readonly opened?: OpenPlace | undefined;
  /** Nothing but these sessions is going to be asked for (full ids or prefixes): a place that is unpacked unpacks no more. */
  readonly only?: readonly string[] | undefined;
}

/** An open place; disposing removes scratch copies. */
export interface OpenPlace extends Disposable {
  readonly home: Home;
  readonly source: Source;
}

/** The directory that a path means to the runtime whose name for a part of its home it bears: else the path itself. */
export const resolveRoot = (path: string, runtime: PlaceOptions["runtime"]): string =>
  selectRuntimes(runtime)
    .map((one) => one.rootOf?.(path) ?? path)
    .find((root) => root !== path) ?? path;

/** Throws (2) for a name that is not registered. */
export function selectRuntimes(runtime: PlaceOptions["runtime"]): readonly Runtime[] {
  if (runtime === undefined || runtime === "auto") return RUNTIMES;
  const found = RUNTIMES.filter((it) => it.runtime === runtime);
  if (found.length > 0) return found;
  throw usageError(`runtime '${runtime}' is not known here`, `one of ${runtimeNames().join(", ")}, auto`);
}

/** The source that reads a directory: the one asked for, or the one whose markers it bears. */
export async function detectSource(root: string, label: string, runtime: PlaceOptions["runtime"]): Promise<Source> {
  const candidates = selectRuntimes(runtime);
  const found = findRuntime(root, candidates);
  if (found) return found.load();
  const below = candidates
    .flatMap(({ names = [] }) => names)
    .find((name) => findRuntime(joinPath(root, name), candidates));
  const other = candidates.length < RUNTIMES.length ? findRuntime(root, RUNTIMES) : undefined;
  throw placeError(
    "E_NOT_A_HOME",
    `${label} is not a home of ${anyOf(candidates.map((it) => it.runtime))}: it has none of ${candidates.map((it) => it.markers).join(", ")}`,
    below === undefined ? (other ? `--runtime ${other.runtime}` : HINT) : `--home ${joinPath(label, below)}`,
  );
}

const HINT = "agh-inspect homes lists the homes it finds; name one: --home DIR";

const anyOf = (words: readonly string[]): string =>
  words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;

/** The runtime whose markers a directory bears. */
export function findRuntime(root: string, candidates: readonly Runtime[]): Runtime | undefined {
  try {
    return detectRuntime(root, candidates);
  } catch (error) {
    throw toFileError(root, "look into", error);
  }
}
