// The steps of a journal that take the files of a session out of its home: to the trash, or for good.
import { basename } from "node:path";
import { hashFile } from "../files/hash-file.ts";
import { isSameMount } from "../files/mounts.ts";
import { joinPath } from "../files/os-path.ts";
import { toolkitDir } from "../journal/locations.ts";
import type { Run } from "../journal/run.ts";
import { filesOf } from "../journal/stamps.ts";
import type { Step } from "../journal/steps.ts";
import type { LocalSession, PartName } from "../sources/custody.ts";
import { movablePaths, movableTrees } from "../sources/own-trees.ts";
import { trashPlaces, type TrashEntry } from "./trash.ts";

/** What a removal takes out: a directory, or a file where the directory around it is shared. */
export interface RemovedPath {
  readonly part: PartName;
  /** Absolute. */
  readonly path: string;
  /** Of a file in a shared directory. */
  readonly name?: string;
}

/** In the order in which they are taken out. */
export function removedPaths(local: LocalSession): RemovedPath[] {
  return movableTrees(local).flatMap(({ part, dir, only }): RemovedPath[] => {
    if (only === undefined) return [{ part, path: dir }];
    const names = only.filter((name) => local.paths.some(({ path }) => path === `${part}/${name}`));
    return names.map((name) => ({ part, path: joinPath(dir, name), name }));
  });
}

/** The entry of a session in the list of the trash. Reads every file. */
export function trashEntryOf(local: LocalSession): TrashEntry {
  const files = movablePaths(local).flatMap(({ path, from, found }) => {
    if (found.type !== "file") return [];
    const [part] = path.split("/") as ["session" | "ledger"];
    return [
      { path: placeOf(part, local) + path.slice(part.length), size: Number(found.stat.size), sha256: hashFile(from)! },
    ];
  });
  return { ...namesOf(local), files };
}

const placeOf = (part: string, local: LocalSession): string => {
  const { session, ledger } = trashPlaces(namesOf(local));
  return part === "ledger" ? ledger! : session;
};

/** Where a runtime does not divide its ledgers. */
const UNDIVIDED = "_";

function namesOf({ id, trees, partition }: LocalSession): Omit<TrashEntry, "files"> {
  const moved = movableTrees({ trees });
  const own = moved.find(({ part }) => part === "session");
  return {
    session_id: id,
    name: own === undefined || own.only ? id : basename(own.dir),
    partition: moved.some(({ part }) => part === "ledger") ? (partition ?? UNDIVIDED) : null,
  };
}

export interface RemovalSteps {
  readonly local: LocalSession;
  /** Nothing of it is kept in the trash. */
  readonly isPermanent: boolean;
}

/**
 * A rename each, so that no runtime ever meets half a session. Where a rename does not reach the toolkit's own directory, what is kept is
 * copied and compared, and what is not goes file by file.
 */
export function removalSteps(run: Run, root: string, { local, isPermanent }: RemovalSteps): Step[] {
  const group = local.id;
  return removedPaths(local).map(({ part, path, name }): Step => {
    const at = run.locate(path);
    if (isPermanent && isElsewhere(path, root)) return { do: "remove", path: at, files: filesOf(path), group };
    // Many in one directory: each that is made is synced.
    const place = isPermanent ? `run:removed/${part}/${group}` : `trash:${placeOf(part, local)}`;
    const to = name === undefined ? place : `${place}/${name}`;
    return { do: "move", from: at, to, removes: true, seen: local.seen?.(path) ?? run.seen(path), group };
  });
}

/** Whether a path lies on another mount than the toolkit's own directory of its home. */
export const isElsewhere = (path: string, root: string): boolean => !isSameMount(path, toolkitDir(root));

const NAME = /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,128}$/;

/** Whether an id may stand as a name in a directory of the toolkit's. */
export const isName = (text: unknown): text is string => typeof text === "string" && NAME.test(text);
