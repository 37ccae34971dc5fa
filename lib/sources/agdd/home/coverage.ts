// What every path of an AGDD project is to a backup, and which directory trees belong to it.
import { existsSync } from "node:fs";
import { basename, dirname } from "node:path";
import { joinPath, osPath } from "../../../files/os-path.ts";
import type { PathType } from "../../../files/walk.ts";
import type { Deps } from "../../../records/deps.ts";
import { EXIT, ToolError } from "../../../records/error.ts";
import { LEDGERS } from "../../event-ledger.ts";
import { isTombstone, leadsToTombstones } from "../../retired-sessions.ts";
import type { Classification, Home, Root } from "../../source.ts";
import { COST_DATABASES, COST_LEDGERS, settingsOf, STORAGE, storageFile } from "./layout.ts";
import { ENV_FILE } from "./settings.ts";

const TOOLKIT = ".agh-toolkit";

/** Of a project only these belong to AGDD: the rest is somebody's work. `storage.db` where the project is its directory. */
const OWN = [
  ".agdd",
  ".magsag",
  ".runs",
  ENV_FILE,
  LEDGERS,
  STORAGE,
  `${STORAGE}-wal`,
  `${STORAGE}-shm`,
  `${STORAGE}-journal`,
];

/** The project's own, and the storage database where its settings put it elsewhere. */
export async function roots(home: Home, deps: Deps): Promise<readonly Root[]> {
  const project: Root = { name: "home", dir: home.root, only: [...OWN, TOOLKIT] };
  if (!home.live) return [project];
  const { brand, settings } = settingsOf(home, deps);
  if (settings.backend !== "sqlite") {
    deps.log.problem(elsewhere(home, settings.backend));
    return [project];
  }
  const file = storageFile(home, settings, brand);
  const isWithin = OWN.some(
    (name) => file === joinPath(home.root, name) || file.startsWith(joinPath(home.root, `${name}/`)),
  );
  if (isWithin || !existsSync(osPath(file))) return [project];
  const name = basename(file);
  return [project, { name: "storage", dir: dirname(file), only: ["", "-wal", "-journal"].map((end) => name + end) }];
}

/** The files are taken; what is in a server is not among them. */
const elsewhere = ({ place }: Home, backend: string): ToolError =>
  new ToolError({
    code: "E_SERVER_STORAGE",
    message: `the runs of ${place} are in a ${backend} server: only the files of the project are backed up`,
    hint: "pg_dump backs up the server's database",
    exit: EXIT.partial,
  });

/** Paths that AGDD's documentation and code name. */
export const WELL_KNOWN = [`.agdd/${STORAGE}`, ".runs/agents", ".runs/costs/costs.jsonl", ".runs/costs.db", ENV_FILE];

const NEVER: { readonly [type: string]: string | undefined } = {
  symlink: "a symbolic link is not followed",
  socket: "a socket",
  fifo: "a named pipe",
  device: "a device",
};

/** Pure and cheap; `path` is relative to the root, `/`-separated. */
export function classify(root: string, path: string, type: PathType | "missing"): Classification {
  const place = root === "storage" ? CATALOG : inProject(path);
  const never = NEVER[type] ?? neverByName(path);
  if (never !== undefined) return { ...place, never };
  if (type === "file" && isDatabase(root, path)) return { ...place, database: "catalog" };
  return place;
}

const isDatabase = (root: string, path: string): boolean =>
  root === "storage" ? !/-(?:wal|shm|journal)$/.test(path) : DATABASES.has(path);

const DATABASES: ReadonlySet<string> = new Set([
  `.agdd/${STORAGE}`,
  `.magsag/${STORAGE}`,
  ".magsag/memory.db",
  STORAGE,
  ...COST_DATABASES,
]);

function neverByName(path: string): string | undefined {
  if (leadsToTombstones(path) || isTombstone(path)) return undefined;
  if (path.startsWith(`${TOOLKIT}/`)) return "the toolkit's own state";
  const name = path.slice(path.lastIndexOf("/") + 1);
  if (name.startsWith(".agh-toolkit-")) return "a file that was being written";
  if (name.endsWith("-shm") && DATABASES.has(path.slice(0, -"-shm".length))) {
    return "the index of a WAL, which SQLite rebuilds";
  }
  // AGDD writes metrics.json through such a file; a crash can leave one.
  return TEMP.test(path) ? "a file that was being written" : undefined;
}

const TEMP = /^\.runs\/agents\/[^/]+\/tmp[a-z0-9_]{4,}$/;

const CATALOG: Classification = { class: "catalog", scope: "global" };
const RUNS: Classification = { class: "sessions", scope: "session" };
const COSTS: Classification = { class: "ledgers", scope: "global" };
const ENV: Classification = { class: "workspace-env", scope: "workspace" };
const TOOLKIT_STATE: Classification = { class: "toolkit", scope: "global" };
const OTHER: Classification = { class: "other", scope: "global" };

const COST_PATHS = [".runs/costs", ...COST_LEDGERS, ...COST_DATABASES];

function inProject(path: string): Classification {
  if (leadsToTombstones(path) || isTombstone(path)) return RUNS;
  if (path.startsWith(`${TOOLKIT}/`)) return TOOLKIT_STATE;
  if (path === ENV_FILE) return ENV;
  if (path === ".runs" || path === ".agdd" || path === ".magsag") return { class: "home", scope: "global" };
  if (COST_PATHS.some((own) => path === own || path.startsWith(`${own}/`) || path.startsWith(`${own}-`))) return COSTS;
  if (path === LEDGERS || path.startsWith(`${LEDGERS}/`)) return { class: "ledgers", scope: "session" };
  if (path.startsWith(".runs/")) return RUNS; // the Flow Runner keeps its runs beside `agents`
  return STORES.some((own) => path === own || path.startsWith(`${own}-`)) ? CATALOG : OTHER;
}

const STORES = [`.agdd/${STORAGE}`, `.magsag/${STORAGE}`, ".magsag/memory.db", STORAGE];
