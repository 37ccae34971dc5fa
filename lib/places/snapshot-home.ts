// The home whose snapshots are meant: known by its id wherever it is now, and by its path where it is not there any more.
import { resolve } from "node:path";
import { identityOfHome } from "../journal/identity.ts";
import type { Deps } from "../records/deps.ts";
import type { ToolError } from "../records/error.ts";
import { openPlace } from "./place.ts";

/** Of a repository's snapshots; a `SnapshotFilter`. */
export type SnapshotHome = { readonly homeId: string } | { readonly homePath: string };

/** The home that `--home` names among snapshots: a directory, one that is lost, or an id. */
export async function resolveSnapshotHome(word: string, deps: Deps): Promise<SnapshotHome> {
  try {
    using place = await openPlace(word, {}, deps);
    return { homeId: place.home.id };
  } catch (error) {
    const { code } = error as ToolError;
    if (code !== "E_NO_HOME" && code !== "E_NOT_A_HOME") throw error;
    return code === "E_NO_HOME" && !word.includes("/") ? { homeId: word } : lostHome(resolve(word), deps);
  }
}

/** What is left of a home may still say who it was. */
function lostHome(path: string, { log }: Deps): SnapshotHome {
  const id = identityOfHome(path)?.home_id;
  if (id !== undefined) return { homeId: id };
  log.info(`no home exists at ${path}: the snapshots of homes that were there are used`);
  return { homePath: path };
}
