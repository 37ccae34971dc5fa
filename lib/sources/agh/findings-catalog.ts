// Findings about agh.db: whether it can be read at all, what it lacks, what of it is out of date.
import { basename } from "node:path";
import { joinPath, osPath } from "../../files/os-path.ts";
import { existsSync } from "node:fs";
import { danglingReferences, integrity } from "../../sqlite/check.ts";
import { readCatalog } from "./databases.ts";
import { namesIn } from "./findings-look.ts";
import { markOf } from "./findings-mark.ts";
import type { Check, Found, Look, Rule } from "./findings-rule.ts";
import { bundleHere, CATALOG, catalogFile } from "./layout.ts";
import { processAlive } from "./liveness.ts";
import { rowDifferences } from "./row-differences.ts";
import { isDirectory } from "./workspaces.ts";

const ANEW = ["put-back", "restore", "salvage"] as const;
const broken = (verdict: string, arises: string, loses: string, action: Rule["action"] = ANEW): Rule => ({
  severity: "error",
  verdict,
  arises,
  action,
  loses,
});
const SINCE = "what changed since it was good: rows that no meta.json tells (totals, permissions, tasks, secrets)";

/** The file as a whole; E_… of the opener to the finding's code. */
const TROUBLE: { readonly [code: string]: string | undefined } = {
  E_NO_DATABASE: "CATALOG_MISSING",
  E_EMPTY_DATABASE: "CATALOG_EMPTY",
  E_FOREIGN_DATABASE: "CATALOG_FOREIGN",
  E_NOT_A_DATABASE: "CATALOG_CORRUPT",
  E_CORRUPT: "CATALOG_CORRUPT",
};

/** Rows that are there and could not be read may be sound: nothing is concluded from their absence. */
export const rowsAreHidden = ({ stores: { catalogTrouble }, catalog }: Look): boolean =>
  catalog.refusal !== undefined || (catalogTrouble !== undefined && TROUBLE[catalogTrouble.code] === undefined);

export const catalogFileState: Check = {
  level: "quick",
  rules: {
    CATALOG_MISSING: broken("there is no agh.db", "a partial copy or restore", SINCE),
    CATALOG_EMPTY: broken("agh.db has 0 bytes", "a full disk, a copy that was cut short", SINCE),
    CATALOG_FOREIGN: broken("agh.db has none of AGH's tables", "another program's file was copied here", SINCE),
    CATALOG_CORRUPT: broken(
      "AGH will move agh.db aside, begin an empty one, and then refuse to start for want of workspaces",
      "a disk error, a copy of a database that was being written",
      SINCE,
    ),
    CATALOG_UNREADABLE: broken("agh.db cannot be opened", "its owner or mode, or it is no file", "nothing safe", []),
    CATALOG_REPLACED: broken(
      "AGH has moved a damaged agh.db aside and begun an empty one",
      "agh.db was damaged when the daemon was started",
      SINCE,
    ),
    CATALOG_EVIDENCE: {
      severity: "info",
      verdict: "a damaged agh.db that AGH once moved aside",
      arises: "agh.db was damaged when the daemon was started, and was replaced since",
      action: [],
      loses: "nothing: agh-reconcile salvage reads what is left in it",
    },
    MIGRATION_UNKNOWN: broken(
      "AGH refuses to open it: it records a schema change that AGH does not know, or knows otherwise",
      "a newer version of AGH had it open, or somebody wrote to schema_migrations",
      "nothing safe: use the version of AGH that wrote it",
      [],
    ),
  },
  *find(look) {
    const { stores, catalog, home } = look;
    const trouble = stores.catalogTrouble;
    if (trouble) {
      const code = TROUBLE[trouble.code] ?? "CATALOG_UNREADABLE";
      yield { code, id: CATALOG, message: trouble.message, evidence: { cause: trouble.code, ...setAside(look) } };
    } else if (catalog.refusal?.startsWith("MIGRATION_UNKNOWN: ")) {
      const message = catalog.refusal.slice("MIGRATION_UNKNOWN: ".length);
      yield { code: "MIGRATION_UNKNOWN", id: CATALOG, message, evidence: { path: catalogFile(home.root) } };
    }
    const { files } = setAside(look);
    if (files.length === 0 || trouble) return;
    const isFresh = stores.rows.size === 0 && look.sessions.some(({ dir }) => dir);
    const message = `${files.map((file) => basename(file)).join(", ")} beside ${isFresh ? "an agh.db without sessions" : "agh.db"}`;
    yield { code: isFresh ? "CATALOG_REPLACED" : "CATALOG_EVIDENCE", id: CATALOG, message, evidence: { files } };
  },
};

/** What AGH moved aside, newest first; companions go with their file. */
export function setAside({ home: { root } }: Pick<Look, "home">): { readonly files: readonly string[] } {
  return { files: corruptNames(namesIn(root), CATALOG).map((name) => joinPath(root, name)) };
}

export const corruptNames = (names: readonly string[], file: string): string[] =>
  names
    .filter((name) => name.startsWith(`${file}.corrupt.`) && !/-(?:wal|shm|journal)$/.test(name))
    .sort()
    .reverse();

export const catalogRows: Check = {
  level: "quick",
  rules: {
    WORKSPACE_MISSING: broken(
      "AGH refuses to start: sessions name a workspace that agh.db does not have",
      "agh.db was replaced or restored without its sessions, or a session was copied from another home",
      "the workspace's name, additional directories and default agent, where no backup has them",
      ["add-workspace"],
    ),
    SOUL_MISSING: broken(
      "AGH refuses to start: a session names a soul that agh.db does not have",
      "agh.db was replaced or restored without its sessions",
      "nothing safe: restore agh.db",
      [],
    ),
    WORKSPACE_ROOT_MISSING: info("a workspace's directory is not there", "it was moved, deleted, or is not mounted"),
    BUNDLE_MOVED: info("crash bundles are recorded where they no longer lie", "the home was moved or restored"),
    ROW_ORPHANED: info(
      "AGH has marked the row as orphaned",
      "its directory or a usable meta.json was missing when the daemon started",
    ),
    ROW_DIFFERS: info(
      "the row says something else than meta.json, which wins at AGH's next start",
      "the daemon was killed, or AGH rewrote the meta of a crashed session",
    ),
    PROCESS_STALE: {
      severity: "info",
      verdict: "a tool process that claims to run and does not",
      arises: "the daemon was killed",
      action: ["stale-process"],
      loses: "nothing: AGH's next start writes the same",
    },
  },
  *find(look) {
    // A catalog that AGH refuses is not read any further, and not written to.
    if (look.stores.catalogTrouble || look.catalog.refusal !== undefined) return;
    yield* missingWorkspaces(look);
    yield* missingSouls(look);
    for (const [id, root_dir] of look.home.live ? look.catalog.workspaces : []) {
      if (isDirectory(root_dir)) continue;
      yield { code: "WORKSPACE_ROOT_MISSING", id, message: `${root_dir} is not there`, evidence: { root_dir } };
    }
    yield* rowsOutOfDate(look);
    yield* movedBundles(look);
    yield* staleProcesses(look);
  },
};

function info(verdict: string, arises: string): Rule {
  return { severity: "info", verdict, arises, action: [], loses: "nothing" };
}

interface Workspace {
  readonly root: string | undefined;
  readonly sessions: readonly string[];
}

/** Workspaces that sessions name and that are not among `there`, with the directory that the sessions ran in. */
export function workspacesMissing({ sessions }: Pick<Look, "sessions">, there: ReadonlyMap<string, string>) {
  const missing = new Map<string, Workspace>();
  for (const { id, dir } of sessions) {
    const workspace = dir?.meta?.workspace_id;
    if (workspace === undefined || there.has(workspace)) continue;
    const before = missing.get(workspace);
    const root = before?.root ?? (dir!.meta!.sandbox?.runtime_root_dir || undefined);
    missing.set(workspace, { root, sessions: [...(before?.sessions ?? []), id] });
  }
  return new Map([...missing].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function* missingWorkspaces(look: Look): Generator<Found> {
  for (const [id, { root, sessions }] of workspacesMissing(look, look.catalog.workspaces)) {
    const taken = [...look.catalog.workspaces].find(([, other]) => other === root)?.[0];
    const why = root === undefined ? "; no session tells its directory" : taken ? `; ${taken} has its directory` : "";
    yield {
      code: "WORKSPACE_MISSING",
      id,
      message: `agh.db has no workspace ${id} of ${sessions.length} sessions${why}`,
      evidence: { root_dir: root ?? null, sessions, taken_by: taken },
      action:
        root !== undefined && !taken
          ? {
              verb: "add-workspace",
              subject: { workspace_id: id, root_dir: root },
              expect: { row: null },
              loses: "its name, additional directories and default agent",
            }
          : undefined,
    };
  }
}

function* missingSouls({ sessions, catalog }: Look): Generator<Found> {
  for (const { id, dir } of sessions) {
    const soul = dir?.meta?.soul_snapshot_id;
    if (!soul || catalog.souls.has(soul)) continue;
    yield { code: "SOUL_MISSING", id, message: `${id} names the soul ${soul}, which agh.db lacks`, evidence: { soul } };
  }
}

function* rowsOutOfDate({ sessions, daemon }: Look): Generator<Found> {
  if (daemon.alive === true) return; // row and meta may be a moment apart
  for (const { id, row, dir } of sessions) {
    if (row?.text("state") === "orphaned") {
      const evidence = { updated_at: row.text("updated_at"), has_meta: dir?.meta !== undefined };
      yield { code: "ROW_ORPHANED", id, message: `the row of ${id} is marked orphaned`, evidence };
    } else if (row && dir?.meta) {
      const columns = rowDifferences(row, dir.meta);
      const names = Object.keys(columns).join(", ");
      if (names === "") continue;
      yield { code: "ROW_DIFFERS", id, message: `the row of ${id} differs in ${names}`, evidence: { columns } };
    }
  }
}

/** One finding for all: they move together. */
function* movedBundles({ home: { root }, stores }: Look): Generator<Found> {
  const moved: string[] = [];
  for (const [id, row] of stores.rows) {
    const recorded = row.text("crash_bundle_path");
    if (recorded !== null && !existsSync(osPath(recorded)) && bundleHere(root, recorded)) moved.push(id);
  }
  if (moved.length === 0) return;
  yield {
    code: "BUNDLE_MOVED",
    message: `${moved.length} recorded paths of crash bundles lead nowhere; the toolkit finds the bundles by name`,
    evidence: { sessions: moved },
  };
}

function* staleProcesses({ home, catalog, daemon, deps }: Look): Generator<Found> {
  if (daemon.alive === true) return;
  for (const { id, pid, state, started_at, command } of catalog.processes) {
    if (home.live && started_at !== null && processAlive(pid, started_at, deps) === true) continue;
    yield {
      code: "PROCESS_STALE",
      id,
      message: `${id} is ${state} with pid ${pid} (${command}), which is not that process`,
      evidence: { pid, state, started_at },
      action: { verb: "stale-process", subject: { process_id: id }, expect: { state, pid }, loses: null },
    };
  }
}

export const catalogPages: Check = {
  level: "full",
  rules: {
    CATALOG_DAMAGED: broken("pages of agh.db are damaged; AGH may run on it, and lose more", "a disk error", SINCE, [
      "restore",
      "salvage",
    ]),
    REFERENCE_DANGLING: {
      severity: "warn",
      verdict: "a row of agh.db points to one that is not there",
      arises: "somebody wrote to agh.db with foreign keys off",
      action: [],
      loses: "nothing safe",
    },
  },
  *find({ home: { root }, catalogRoot, deps, level, stores }) {
    if (stores.catalogTrouble) return;
    const { lines, dangling } = readCatalog(catalogRoot, deps, (db) => ({
      lines: integrity(db, level === "deep" ? "full" : "quick"),
      dangling: level === "deep" ? danglingReferences(db) : [],
    }));
    if (lines.length > 0) {
      const evidence = { lines: lines.slice(0, 20), file: markOf(catalogFile(root)) };
      yield { code: "CATALOG_DAMAGED", id: CATALOG, message: `agh.db: ${lines[0]}`, evidence };
    }
    for (const [table, rows] of Map.groupBy(dangling, (one) => `${one.table} → ${one.parent}`)) {
      const evidence = { rows: rows.length, rowids: rows.slice(0, 20).map(({ rowid }) => Number(rowid)) };
      yield { code: "REFERENCE_DANGLING", id: table, message: `${rows.length} rows: ${table}`, evidence };
    }
  },
};
