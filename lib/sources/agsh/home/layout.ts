// Where agsh (later named meka) keeps its one database, on every platform.
import { existsSync } from "node:fs";
import { joinPath, osPath } from "../../../files/os-path.ts";
import type { Deps } from "../../../records/deps.ts";
import type { DefaultRoot } from "../../source.ts";

/** The database by the program that makes it. */
export const DATABASES = { "sessions.db": "agsh", "meka.db": "meka" } as const;
export type DatabaseName = keyof typeof DATABASES;

export const isDatabaseName = (name: string): name is DatabaseName => Object.hasOwn(DATABASES, name);

/** The directory that a path names: itself, or the one that its database lies in. */
export function homeOf(path: string): string {
  const slash = path.lastIndexOf("/");
  return isDatabaseName(path.slice(slash + 1)) ? path.slice(0, slash) || "/" : path;
}

/** The database of a home: meka goes on with its own once there is one. */
export const databaseName = (root: string): DatabaseName =>
  existsSync(osPath(joinPath(root, "meka.db"))) && !existsSync(osPath(joinPath(root, "sessions.db")))
    ? "meka.db"
    : "sessions.db";

export const databaseFile = (root: string): string => joinPath(root, databaseName(root));

/** The command that goes on with a session. */
export const resumeLine = (root: string, id: string): string => `${DATABASES[databaseName(root)]} -s ${id}`;

/** Where agsh looks for itself: AGSH_DATA_DIR, else the platform's place for data. */
export function defaultRoots({ env, platform }: Pick<Deps, "env" | "platform">): readonly DefaultRoot[] {
  const named = env["AGSH_DATA_DIR"]?.trim();
  if (named) {
    return ["", "agsh", "meka"].map((name) => ({ dir: name ? joinPath(named, name) : named, label: "AGSH_DATA_DIR" }));
  }
  const { dir, label } = dataDir(env, platform);
  return ["agsh", "meka"].map((name) => ({ dir: joinPath(dir, name), label: label }));
}

function dataDir(env: Deps["env"], platform: string): DefaultRoot {
  const home = env["HOME"] ?? "";
  if (platform === "darwin") {
    return { dir: joinPath(home, "Library/Application Support"), label: "~/Library/Application Support" };
  }
  if (platform === "win32") {
    const roaming = env["APPDATA"];
    const usual = joinPath(env["USERPROFILE"] ?? home, "AppData/Roaming");
    return { dir: (roaming || usual).replaceAll("\\", "/"), label: "%APPDATA%" };
  }
  // The XDG specification has relative paths ignored.
  const xdg = env["XDG_DATA_HOME"];
  return xdg?.startsWith("/")
    ? { dir: xdg, label: "XDG_DATA_HOME" }
    : { dir: joinPath(home, ".local/share"), label: "~/.local/share" };
}
