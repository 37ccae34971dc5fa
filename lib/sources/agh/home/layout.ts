// Where AGH keeps what, relative to its home; no file is touched here.
import { joinPath } from "../../../files/os-path.ts";

export const CATALOG = "agh.db";
export const EVENTS = "events.db";
export const META = "meta.json";
export const LEDGER = "ledger.jsonl";

export const catalogFile = (root: string): string => joinPath(root, CATALOG);
export const configFile = (root: string): string => joinPath(root, "config.toml");
export const lockFile = (root: string): string => joinPath(root, "daemon.lock");
export const daemonFile = (root: string): string => joinPath(root, "daemon.json");
export const vaultKeyFile = (root: string): string => joinPath(root, "vault.key");
export const bundlesDir = (root: string): string => joinPath(root, "logs/crash-bundles");
export const sessionsDir = (root: string): string => joinPath(root, "sessions");
/** Where AGH's documentation says to move old sessions by hand, and where agh-archive puts them by default. */
export const archiveDir = (root: string): string => joinPath(root, "session-archive");
export const tombstonesDir = (root: string): string => joinPath(root, ".agh-toolkit/tombstones");
/** Where a restore puts a root that lay outside the home. */
export const outsideDir = (root: string, name: string): string => joinPath(root, `.agh-toolkit/outside/${name}`);

export const sessionDir = (root: string, dir: string): string => joinPath(sessionsDir(root), dir);
export const metaFile = (root: string, dir: string): string => joinPath(sessionDir(root, dir), META);

const ID = /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,128}$/;

/** Whether a text may stand as an id in a path. */
export const isId = (text: unknown): text is string => typeof text === "string" && ID.test(text);

/** Where a crash bundle lies here: recorded paths are absolute on the machine that wrote them. */
export function bundleHere(root: string, recorded: string): string | undefined {
  const name = recorded.slice(recorded.lastIndexOf("/") + 1);
  return isId(name) ? joinPath(bundlesDir(root), name) : undefined;
}
