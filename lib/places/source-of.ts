// An open place, and which source reads the directory behind it.
import { joinPath } from "../files/os-path.ts";
import { fileTrouble } from "../files/trouble.ts";
import { placeError } from "../records/error.ts";
import { detect, RUNTIMES, type Runtime } from "../sources/detect.ts";
import type { Home, Source } from "../sources/source.ts";

export interface PlaceOptions {
  readonly runtime?: "agh" | "agsh" | "agdd" | "auto" | undefined;
  /** Takes the place of the computed id. */
  readonly homeId?: string | undefined;
  /** Nothing but these sessions is going to be asked for (full ids or prefixes): a place that is unpacked unpacks no more. */
  readonly only?: readonly string[] | undefined;
}

/** An open place; disposing removes scratch copies. */
export interface OpenPlace extends Disposable {
  readonly home: Home;
  readonly source: Source;
}

/** The directory that a path means to the runtime whose name for a part of its home it bears: else the path itself. */
export const rootOf = (path: string, runtime: PlaceOptions["runtime"]): string =>
  askedFor(runtime)
    .map((one) => one.rootOf?.(path) ?? path)
    .find((root) => root !== path) ?? path;

export const askedFor = (runtime: PlaceOptions["runtime"]): readonly Runtime[] =>
  runtime === undefined || runtime === "auto" ? RUNTIMES : RUNTIMES.filter((it) => it.runtime === runtime);

/** The source that reads a directory: the one asked for, or the one whose markers it bears. */
export async function sourceOf(root: string, said: string, runtime: PlaceOptions["runtime"]): Promise<Source> {
  const asked = askedFor(runtime);
  const found = markers(root, asked);
  if (found) return found.load();
  const below = BELOW.find((name) => markers(joinPath(root, name), asked));
  const other = asked.length < RUNTIMES.length ? markers(root, RUNTIMES) : undefined;
  throw placeError(
    "E_NOT_A_HOME",
    `${said} is no home of ${anyOf(asked.map((it) => it.runtime))}: it has none of ${asked.map((it) => it.marks).join(", ")}`,
    below === undefined ? (other ? `--runtime ${other.runtime}` : HINT) : `--home ${joinPath(said, below)}`,
  );
}

/** What homes are called where they lie in the directory that was named. */
const BELOW = [".agh", "agsh", "meka"];
const HINT = "agh-inspect homes lists what is found; name one: --home DIR";

const anyOf = (words: readonly string[]): string =>
  words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;

/** The runtime whose markers a directory bears. */
export function markers(root: string, asked: readonly Runtime[]): Runtime | undefined {
  try {
    return detect(root, asked);
  } catch (error) {
    throw fileTrouble(root, "look into", error);
  }
}
