// What every path of an AGH home is to a backup, and which directory trees belong to a home.
import { hash } from "node:crypto";
import { realpathSync } from "node:fs";
import { osPath } from "../../../files/os-path.ts";
import type { PathType } from "../../../files/walk.ts";
import { isTombstone, leadsToTombstones } from "../../retired-sessions.ts";
import type { Classification, Root } from "../../source.ts";
import { isId } from "./layout.ts";

/** Where config.toml and the catalog point outside the home. */
export interface ExternalRoots {
  /** `[memory.session].ledger_root`, absolute. */
  readonly ledgerRoot?: string | undefined;
  /** `[memory].global_dir`, absolute. */
  readonly memoryDir?: string | undefined;
  readonly workspaces: readonly { readonly id: string; readonly root: string }[];
}

/** The home's own tree first, then what lies outside; what is not there or lies within another root is left out. */
export function existingRoots(home: string, { ledgerRoot, memoryDir, workspaces }: ExternalRoots): Root[] {
  const taken = [real(home) ?? home];
  const isNew = (tree: string): boolean => {
    const path = real(tree);
    if (path === undefined || taken.some((other) => path === other || path.startsWith(`${other}/`))) return false;
    taken.push(path);
    return true;
  };
  const roots: Root[] = [{ name: "home", dir: home }];
  if (ledgerRoot && isNew(ledgerRoot)) roots.push({ name: "ledgers", dir: ledgerRoot });
  if (memoryDir && isNew(memoryDir)) roots.push({ name: "memory", dir: memoryDir });
  for (const { id, root } of [...workspaces].sort((a, b) => (a.id < b.id ? -1 : 1))) {
    if (!root.startsWith("/")) continue; // it names no place
    const only = [".agh", ".env"].filter((name) => isNew(`${root}/${name}`));
    if (only.length > 0) roots.push({ name: `ws/${isId(id) ? id : digestOf(id)}`, dir: root, only });
  }
  return roots;
}

/** An id names a directory in a restored tree, so it must be one name. */
const digestOf = (id: string): string => hash("sha256", id).slice(0, 16);

/** Undefined when there is none; what cannot be looked at is there: the walk says why it cannot be read. */
function real(path: string): string | undefined {
  try {
    return realpathSync(osPath(path)).toString();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === "ENOENT" || code === "ENOTDIR" ? undefined : path;
  }
}

/** Pure and cheap; `path` is relative to the root, `/`-separated. */
export function classify(root: string, path: string, type: PathType | "missing"): Classification {
  const name = path.slice(path.lastIndexOf("/") + 1);
  const place = root === "home" ? inHome(path) : root.startsWith("ws/") ? inWorkspace(path) : OUTSIDE[root]!;
  const never = TYPE_NEVER[type] ?? neverByName(root, path, name);
  if (never !== undefined) return { ...place, never };
  if (name.includes(".corrupt.") && type === "file") return { class: "evidence", scope: place.scope };
  if (type === "file" && root === "home") {
    if (path === "agh.db") return CATALOG;
    if (SESSION_DB.test(path)) return SESSION;
  }
  return place;
}

const SESSION_DB = /^sessions\/(?!ws_|_)[^/]+\/events\.db$/;
const CATALOG: Classification = { class: "catalog", scope: "global", database: "catalog" };
const SESSION: Classification = { class: "sessions", scope: "session", database: "session" };

const OUTSIDE: { readonly [root: string]: Classification } = {
  ledgers: { class: "ledgers", scope: "session" },
  memory: { class: "memory", scope: "global" },
};

const TYPE_NEVER: { readonly [type: string]: string | undefined } = {
  symlink: "a symbolic link is not followed",
  socket: "a socket",
  fifo: "a named pipe",
  device: "a device",
};

function neverByName(root: string, path: string, name: string): string | undefined {
  if (name.startsWith(".agh-atomic-") || name.startsWith(".agh-toolkit-") || name.includes(".tmp-")) {
    return "a file that was being written";
  }
  if (name.endsWith(".db-shm") || (name.endsWith("-shm") && name.includes(".corrupt."))) {
    return "an index of a WAL that SQLite makes anew";
  }
  if (name.startsWith(".consolidate-lock")) return "a lock";
  if (root !== "home" || leadsToTombstones(path) || isTombstone(path)) return undefined;
  return HOME_NEVER[path] ?? HOME_NEVER[path.slice(0, path.indexOf("/") >>> 0)];
}

const HOME_NEVER: { readonly [path: string]: string | undefined } = {
  "daemon.lock": "a lock",
  "daemon.json": "a running daemon's own",
  "daemon.sock": "a socket",
  restarts: "a running daemon's own",
  ".agh-toolkit": "the toolkit's own state",
};

const TOP: { readonly [name: string]: Classification | undefined } = {
  "": { class: "home", scope: "global" },
  "agh.db": { class: "catalog", scope: "global" },
  "agh.db-wal": { class: "catalog", scope: "global" },
  "agh.db-shm": { class: "catalog", scope: "global" },
  "agh.db-journal": { class: "catalog", scope: "global" },
  "config.toml": { class: "config", scope: "global" },
  "mcp.json": { class: "config", scope: "global" },
  "workspace.toml": { class: "config", scope: "global" },
  "vault.key": { class: "vault-key", scope: "global" },
  ".env": { class: "workspace-env", scope: "global" },
  agents: { class: "agents", scope: "global" },
  skills: { class: "skills", scope: "global" },
  memory: { class: "memory", scope: "global" },
  extensions: { class: "extensions", scope: "global" },
  "session-archive": { class: "archive", scope: "session" },
  logs: { class: "logs", scope: "global" },
  providers: { class: "providers", scope: "provider" },
  "support-bundles": { class: "support-bundles", scope: "global" },
  "daemon.lock": { class: "daemon", scope: "global" },
  "daemon.json": { class: "daemon", scope: "global" },
  "daemon.sock": { class: "daemon", scope: "global" },
  restarts: { class: "daemon", scope: "global" },
  ".agh-toolkit": { class: "toolkit", scope: "global" },
};

const OTHER: Classification = { class: "other", scope: "global" };
const SESSIONS: Classification = { class: "sessions", scope: "session" };
/** AGH keeps ledgers among the sessions, too. */
const ALL_SESSIONS: Classification = { ...SESSIONS, holds: "ledgers" };
const LEDGERS: Classification = { class: "ledgers", scope: "session" };
const BUNDLES: Classification = { class: "support-bundles", scope: "global" };

function inHome(path: string): Classification {
  if (leadsToTombstones(path) || isTombstone(path)) return SESSIONS;
  if (path.startsWith("sessions")) {
    if (path === "sessions") return ALL_SESSIONS;
    // AGH keeps ledgers in a second tree, by workspace: `sessions/<ws_…|_unbound>/<session>/ledger.jsonl`.
    if (path.startsWith("sessions/")) return LEDGER_PATH.test(path) ? LEDGERS : SESSIONS;
  }
  const slash = path.indexOf("/");
  const top = slash < 0 ? path : path.slice(0, slash);
  if (top.startsWith("agh-support-bundle-")) return BUNDLES;
  return (Object.hasOwn(TOP, top) ? TOP[top] : undefined) ?? OTHER;
}

const LEDGER_PATH = /^sessions\/(?:(?:ws_|_)[^/]*(?:\/|$)|[^/]+\/[^/]+\/ledger\.(?:jsonl|seal)$)/;

const WORKSPACE: Classification = { class: "workspaces", scope: "workspace" };
const WORKSPACE_ENV: Classification = { class: "workspace-env", scope: "workspace" };

const inWorkspace = (path: string): Classification => (path === ".env" ? WORKSPACE_ENV : WORKSPACE);
