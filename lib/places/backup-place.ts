// `backup:REPO@ID`: a snapshot, its files laid out in scratch and read like a home.
import { scratchDir } from "../files/scratch.ts";
import type { Deps } from "../records/deps.ts";
import { usageError } from "../records/error.ts";
import { detectSource, type OpenPlace, type PlaceOptions } from "./detect-source.ts";

/** `backup:REPO@ID` split at the last `@`; without an id it is the latest. */
export function parseBackupPlace(place: string): { readonly repo: string; readonly id: string } {
  const text = place.slice("backup:".length);
  const at = text.lastIndexOf("@");
  const [repo, id] = at < 0 ? [text, "latest"] : [text.slice(0, at), text.slice(at + 1)];
  if (repo === "" || id === "")
    throw usageError(`'${place}' does not name a snapshot`, "backup:REPO@ID, or backup:REPO");
  return { repo, id };
}

/** Opens a snapshot; its home bears the full id, so that the record names the same snapshot later. */
export async function openBackupPlace(place: string, options: PlaceOptions, deps: Deps): Promise<OpenPlace> {
  const { repo, id } = parseBackupPlace(place);
  const { materialise } = await import("../formats/repository/materialise.ts");
  const { isMoving } = await import("../formats/repository/snapshots.ts");
  const scratch = scratchDir(deps.env);
  try {
    const dir = scratch.fresh();
    // Of a snapshot that is named by its id `homeId` is but another name.
    const { homeId } = options;
    const manifest = await materialise({ repo, id, dir, deps, ...(isMoving(id) && { homeId }) });
    const source = await detectSource(dir, place, options.runtime ?? manifest.runtime);
    const named = `backup:${repo}@${manifest.id}`;
    const home = {
      runtime: source.runtime,
      place: named,
      root: dir,
      id: homeId ?? manifest.home_id,
      live: false,
    };
    return { home, source, [Symbol.dispose]: () => scratch.remove() };
  } catch (error) {
    scratch.remove();
    throw error;
  }
}
