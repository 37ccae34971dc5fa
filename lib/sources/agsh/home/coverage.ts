// What every path of an agsh home is to a backup.
import { readdirSync } from "node:fs";
import { basename } from "node:path";
import { osPath } from "../../../files/os-path.ts";
import type { PathType } from "../../../files/walk.ts";
import { LEDGERS } from "../../event-ledger.ts";
import { isTombstone, leadsToTombstones } from "../../retired-sessions.ts";
import type { Classification, Home, Root } from "../../source.ts";
import { DATABASES, databaseName, isDatabaseName } from "./layout.ts";

/** agsh's own directory is all its; of any other only the database belongs to it. */
export async function roots({ root, live }: Home): Promise<readonly Root[]> {
  const own: Root = { name: "home", dir: root };
  if (!live || Object.values<string>(DATABASES).includes(basename(root))) return [own];
  const name = databaseName(root);
  return [
    {
      ...own,
      only: readdirSync(osPath(root)).filter(
        (each) => each === name || each.startsWith(`${name}-`) || each === TOOLKIT || each === LEDGERS,
      ),
    },
  ];
}

const TOOLKIT = ".agh-toolkit";

/** Paths that agsh's documentation names. */
export const WELL_KNOWN = ["sessions.db"];

const TYPE_NEVER: { readonly [type: string]: string | undefined } = {
  symlink: "a symbolic link is not followed",
  socket: "a socket",
  fifo: "a named pipe",
  device: "a device",
};

const CATALOG: Classification = { class: "catalog", scope: "global" };

/**
 * Pure and cheap; `path` is relative to the root, `/`-separated. The database is one file with everything, the logins
 * of `oauth_tokens` among it: a repository is as secret as the home.
 */
export function classify(_root: string, path: string, type: PathType | "missing"): Classification {
  const place = placeOf(path);
  const never = TYPE_NEVER[type] ?? neverByName(path);
  if (never !== undefined) return { ...place, never };
  return type === "file" && isDatabaseName(path) ? { ...place, database: "catalog" } : place;
}

function placeOf(path: string): Classification {
  if (path === "") return { class: "home", scope: "global" };
  if (isDatabaseName(path.replace(/-(?:wal|shm|journal)$/, ""))) return CATALOG;
  if (leadsToTombstones(path) || isTombstone(path)) return { class: "sessions", scope: "session" };
  if (path.startsWith(`${TOOLKIT}/`)) return { class: "toolkit", scope: "global" };
  if (path === LEDGERS || path.startsWith(`${LEDGERS}/`)) return { class: "ledgers", scope: "session" };
  return { class: isLock(path) ? "daemon" : "other", scope: "global" };
}

const isLock = (path: string): boolean => path === "locks" || path.startsWith("locks/");

function neverByName(path: string): string | undefined {
  if (leadsToTombstones(path) || isTombstone(path)) return undefined;
  if (path.startsWith(`${TOOLKIT}/`)) return "the toolkit's own state";
  if (path.slice(path.lastIndexOf("/") + 1).startsWith(".agh-toolkit-")) return "a file that was being written";
  if (isLock(path)) return "a lock";
  if (path.endsWith(".db-shm")) return "the index of a WAL, which SQLite rebuilds";
  if (path.endsWith(".db-journal"))
    return "the journal of an unfinished transaction, which is rolled back in the copy of its database";
  return undefined;
}
