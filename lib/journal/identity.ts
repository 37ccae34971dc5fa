// Who a home is: a random id of its own that moves with it, so that a journal of one home is never obeyed in another.
import { lstatSync, readFileSync } from "node:fs";
import { writeAtomic } from "../files/atomic.ts";
import { joinPath, osPath } from "../files/os-path.ts";
import { ulid } from "../formats/ulid.ts";
import type { JournalHome } from "./journal-home.ts";
import { toolkitDir } from "./locations.ts";

const FORMAT = 1;

/** `.agh-toolkit/home.json`. */
export interface HomeIdentity {
  readonly format: number;
  /** Random; names the home in its journals. */
  readonly id: string;
  /** The id in records, snapshots and stores, as it was when this was written. */
  readonly home_id: string;
  /** The home's real path then. */
  readonly path: string;
}

const fileIn = (root: string): string => joinPath(toolkitDir(root), "home.json");

/** Undefined where none was written, or where it is not ours to believe. */
export function readIdentity(root: string): HomeIdentity | undefined {
  let text: string;
  try {
    if (!lstatSync(osPath(fileIn(root))).isFile()) return undefined;
    text = readFileSync(osPath(fileIn(root)), "utf8");
  } catch {
    return undefined; // absent, or unreadable: the home is known by its path then
  }
  return decode(text);
}

function decode(text: string): HomeIdentity | undefined {
  try {
    const found = JSON.parse(text) as { readonly [name in keyof HomeIdentity]?: unknown } | null;
    const { format, id, home_id, path } = found ?? {};
    const isSound =
      format === FORMAT && typeof id === "string" && typeof home_id === "string" && typeof path === "string";
    return isSound ? { format, id, home_id, path } : undefined;
  } catch {
    return undefined;
  }
}

/** Whether the home is a copy: the place where its identity was written still has the same one. */
export const isCopy = (root: string, { id, path }: HomeIdentity): boolean =>
  path !== root && readIdentity(path)?.id === id;

/** The identity that speaks for the home where it lies now: a copy has none of its own until it is changed. */
export function identityOfHome(root: string): HomeIdentity | undefined {
  const found = readIdentity(root);
  return found && !isCopy(root, found) ? found : undefined;
}

/** The home's identity, made or brought up to date where it must be: called by whoever changes the home, with its lock. */
export function claimIdentity({ root, id: home_id }: Pick<JournalHome, "root" | "id">): HomeIdentity {
  const found = identityOfHome(root);
  if (found?.path === root) return found;
  const identity = {
    format: FORMAT,
    id: found?.id ?? ulid(new Date()),
    home_id: found?.home_id ?? home_id,
    path: root,
  };
  writeAtomic(fileIn(root), `${JSON.stringify(identity)}\n`, { mode: 0o600 });
  return identity;
}
