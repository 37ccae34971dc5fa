// How an agsh home is as a whole: which shape its database has, and whether any session is held.
import { statSync } from "node:fs";
import { osPath } from "../../../files/os-path.ts";
import type { Deps } from "../../../records/deps.ts";
import { ToolError } from "../../../records/error.ts";
import type { Home, HomeState } from "../../source.ts";
import { readDatabase } from "../catalog/database.ts";
import { databaseFile } from "./layout.ts";
import { walPath } from "../../../sqlite/sidecars.ts";
import { lockOf } from "../sessions/locks.ts";
import { migrations } from "../catalog/schema.ts";

/** `alive` is whether a process holds a session: agsh has no daemon. What cannot be read is null; listing the sessions tells why. */
export function state(home: Home, deps: Deps): HomeState {
  const file = databaseFile(home.root);
  const catalog_bytes = bytesOf(file) + bytesOf(walPath(file));
  try {
    const { version, holders } = readDatabase(home.root, deps, (db, { since, hasLocks }) => ({
      version: migrations(db) > 1 ? `${since} (${migrations(db)} migrations)` : since,
      holders: hasLocks
        ? db.prepare("SELECT DISTINCT locked_by FROM sessions WHERE locked_by IS NOT NULL").all()
        : undefined,
    }));
    const locks = holders?.map(({ locked_by }) => lockOf(locked_by!, home, deps));
    return { alive: locks ? anyAlive(locks) : home.live ? null : false, version, catalog_bytes };
  } catch (error) {
    if (error instanceof ToolError) return { alive: null, version: null, catalog_bytes };
    throw error;
  }
}

function anyAlive(locks: readonly ReturnType<typeof lockOf>[]): boolean | null {
  if (locks.some((lock) => lock?.alive === true)) return true;
  return locks.some((lock) => lock?.alive === null) ? null : false;
}

const bytesOf = (file: string): number => statSync(osPath(file), { throwIfNoEntry: false })?.size ?? 0;
