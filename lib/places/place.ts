// What `--home` names, opened as something that can be read: a directory, a snapshot in a backup, or archives.
import { realpathSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { osPath } from "../files/os-path.ts";
import type { Deps } from "../records/deps.ts";
import { placeError, usageError } from "../records/error.ts";
import type { Home } from "../sources/source.ts";
import { defaultHome } from "./default-home.ts";
import { readHomeId } from "./home-id.ts";
import { resolveRoot, detectSource, type OpenPlace, type PlaceOptions } from "./detect-source.ts";

/**
 * Opens what `--home` names; without it AGH_HOME, else ~/.agh. Throws (exit 6) E_NO_HOME when nothing is there and
 * E_NOT_A_HOME when no known runtime wrote it; (exit 2) for words that are no place.
 */
export async function openPlace(place: string | undefined, options: PlaceOptions, deps: Deps): Promise<OpenPlace> {
  if (options.opened) return { ...options.opened, [Symbol.dispose]() {} };
  const scheme = /^([a-z]{4,}):/.exec(place ?? "")?.[1];
  if (scheme === "backup") {
    const { openBackupPlace } = await import("./backup-place.ts");
    return openBackupPlace(place!, options, deps);
  }
  if (scheme === "archive") {
    const { openArchivePlace } = await import("./archive-place.ts");
    return openArchivePlace(place!, options, deps);
  }
  if (scheme) {
    throw usageError(`'${place}' is not a place that can be read`, "a directory, backup:REPO@ID, or archive:TARGET");
  }
  return openDirectory(place, options, deps);
}

async function openDirectory(
  place: string | undefined,
  options: PlaceOptions,
  deps: Pick<Deps, "env" | "platform">,
): Promise<OpenPlace> {
  const { dir: named, label } =
    place === undefined ? defaultHome(deps, options.runtime) : { dir: resolve(place), label: "--home" };
  const dir = resolveRoot(named, options.runtime);
  const real = realDirectory(dir, label);
  const source = await detectSource(real, dir, options.runtime);
  const { runtime } = source;
  let id = options.homeId;
  const home: Home = {
    runtime,
    place: dir,
    root: real,
    // When it is asked for: it costs a look into the home and a digest, and few verbs say it.
    get id() {
      return (id ??= readHomeId(runtime, real));
    },
    live: true,
  };
  return { home, source, [Symbol.dispose]() {} };
}

function realDirectory(dir: string, label: string): string {
  const hint = "agh-inspect homes lists the homes it finds; name one: --home DIR";
  try {
    const real = realpathSync(osPath(dir)) as string;
    if (statSync(real).isDirectory()) return real;
    throw placeError("E_NOT_A_HOME", `${dir} (${label}) is not a directory`, hint);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") {
      throw placeError("E_NO_HOME", `no home exists at ${dir} (${label})`, hint, error);
    }
    if (code === "EACCES")
      throw placeError("E_NO_PERMISSION", `could not read ${dir}: permission denied`, `ls -ld ${dir}`);
    throw error;
  }
}

export type { OpenPlace, PlaceOptions };
