// An open place, and which source reads the directory behind it.
import { joinPath } from "../files/os-path.ts";
import { fileTrouble } from "../files/trouble.ts";
import { placeError, usageError } from "../records/error.ts";
import { detect, SOURCES } from "../sources/detect.ts";
import type { Home, Source } from "../sources/source.ts";

export interface PlaceOptions {
  readonly runtime?: "agh" | "agsh" | "agdd" | "auto" | undefined;
  /** Takes the place of the computed id. */
  readonly homeId?: string | undefined;
}

/** An open place; disposing removes scratch copies. */
export interface OpenPlace extends Disposable {
  readonly home: Home;
  readonly source: Source;
}

/** The directory that a path means to the runtime whose name for a part of its home it bears: else the path itself. */
export const rootOf = (path: string, runtime: PlaceOptions["runtime"]): string =>
  askedFor(runtime)
    .map((source) => source.rootOf?.(path) ?? path)
    .find((root) => root !== path) ?? path;

const askedFor = (runtime: PlaceOptions["runtime"]): readonly Source[] =>
  runtime === undefined || runtime === "auto" ? SOURCES : SOURCES.filter((it) => it.runtime === runtime);

/** The source that reads a directory: the one asked for, or the one whose markers it bears. */
export function sourceOf(root: string, said: string, runtime: PlaceOptions["runtime"]): Source {
  const asked = askedFor(runtime);
  if (asked.length === 0) {
    throw usageError(
      `homes of ${runtime} cannot be read yet`,
      `--runtime ${SOURCES.map((it) => it.runtime).join("|")}`,
    );
  }
  const found = markers(root, asked);
  if (found) return found;
  const names = asked.map((it) => it.runtime).join(", ");
  const below = markers(joinPath(root, ".agh"), asked);
  throw placeError(
    "E_NOT_A_HOME",
    `${said} is no home of ${names}: it has none of their files`,
    below ? `--home ${joinPath(said, ".agh")}` : "name the directory that AGH_HOME names: --home DIR",
  );
}

function markers(root: string, asked: readonly Source[]): Source | undefined {
  try {
    return detect(root, asked);
  } catch (error) {
    throw fileTrouble(root, "look into", error);
  }
}
