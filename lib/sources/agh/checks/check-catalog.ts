// Findings about agh.db: whether it can be read at all, what it lacks, what of it is out of date.
import { basename } from "node:path";
import { joinPath, osPath } from "../../../files/os-path.ts";
import { existsSync } from "node:fs";
import { listDanglingReferences, checkIntegrity } from "../../../sqlite/read/integrity-check.ts";
import { readCatalog } from "../home/databases.ts";
import { REPLACEMENTS } from "../../repair.ts";
import { listNames } from "./check-context.ts";
import { readFileMark } from "../../../files/file-mark.ts";
import type { Check, AghFinding, CheckContext, AghRule } from "./check-types.ts";
import { bundleHere, CATALOG, catalogFile } from "../home/layout.ts";
import { processAlive } from "../home/liveness.ts";
import { rowDifferences } from "../catalog/row-differences.ts";
import { isDirectory } from "../catalog/workspaces.ts";

const broken = (verdict: string, arises: string, loses: string, action: AghRule["action"] = REPLACEMENTS): AghRule => ({
  severity: "error",
  verdict,
  arises,
  action,
  loses,
});
const SINCE =
  "what changed since the last good copy: rows that no meta.json holds (totals, permissions, tasks, secrets)";

/** The file as a whole; E_… of the opener to the finding's code. */
const CODE_BY_ERROR: { readonly [code: string]: string | undefined } = {
  E_NO_DATABASE: "CATALOG_MISSING",
  E_EMPTY_DATABASE: "CATALOG_EMPTY",
  E_FOREIGN_DATABASE: "CATALOG_FOREIGN",
  E_NOT_A_DATABASE: "CATALOG_CORRUPT",
  E_CORRUPT: "CATALOG_CORRUPT",
};

/** Rows that are there and could not be read may be sound: nothing is concluded from their absence. */
export const rowsAreHidden = ({ stores: { catalogError }, catalog }: CheckContext): boolean =>
  catalog.refusal !== undefined || (catalogError !== undefined && CODE_BY_ERROR[catalogError.code] === undefined);

export const catalogFileState: Check = {
  level: "quick",
  rules: {
    CATALOG_MISSING: broken("agh.db does not exist", "a partial copy or restore", SINCE),
    CATALOG_EMPTY: broken("agh.db has 0 bytes", "a full disk, a copy that was cut short", SINCE),
    CATALOG_FOREIGN: broken("agh.db has none of AGH's tables", "another program's file was copied here", SINCE),
    CATALOG_CORRUPT: broken(
      "AGH will move agh.db aside, create an empty one, and then refuse to start because its workspaces are missing",
      "a disk error, a copy of a database that was being written",
      SINCE,
    ),
    CATALOG_UNREADABLE: broken("agh.db cannot be opened", "its owner or mode, or it is not a file", "nothing safe", []),
    CATALOG_REPLACED: broken(
      "AGH has moved a damaged agh.db aside and created an empty one",
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
      "AGH refuses to open it: it records a schema change that AGH does not know, or that differs from AGH's own",
      "a newer version of AGH had it open, or somebody wrote to schema_migrations",
      "nothing safe: use the version of AGH that wrote it",
      [],
    ),
  },
  *find(context) {
    const { stores, catalog, home } = context;
    const catalogError = stores.catalogError;
    if (catalogError) {
      const code = CODE_BY_ERROR[catalogError.code] ?? "CATALOG_UNREADABLE";
      yield {
        code,
        id: CATALOG,
        message: catalogError.message,
        evidence: { cause: catalogError.code, ...listSetAside(context) },
      };
    } else if (catalog.refusal?.startsWith("MIGRATION_UNKNOWN: ")) {
      const message = catalog.refusal.slice("MIGRATION_UNKNOWN: ".length);
      yield { code: "MIGRATION_UNKNOWN", id: CATALOG, message, evidence: { path: catalogFile(home.root) } };
    }
    const { files } = listSetAside(context);
    if (files.length === 0 || catalogError) return;
    const isFresh = stores.rows.size === 0 && context.sessions.some(({ dir }) => dir);
    const message = `${files.map((file) => basename(file)).join(", ")} beside ${isFresh ? "an agh.db without sessions" : "agh.db"}`;
    yield { code: isFresh ? "CATALOG_REPLACED" : "CATALOG_EVIDENCE", id: CATALOG, message, evidence: { files } };
  },
};

/** What AGH moved aside, newest first; companions go with their file. */
export function listSetAside({ home: { root } }: Pick<CheckContext, "home">): { readonly files: readonly string[] } {
  return { files: corruptNames(listNames(root), CATALOG).map((name) => joinPath(root, name)) };
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
    WORKSPACE_ROOT_MISSING: info("a workspace's directory does not exist", "it was moved, deleted, or is not mounted"),
    BUNDLE_MOVED: info("crash bundles are no longer at their recorded paths", "the home was moved or restored"),
    ROW_ORPHANED: info(
      "AGH has marked the row as orphaned",
      "its directory or a usable meta.json was missing when the daemon started",
    ),
    ROW_DIFFERS: info(
      "the row differs from meta.json, which wins at AGH's next start",
      "the daemon was killed, or AGH rewrote the meta of a crashed session",
    ),
    PROCESS_STALE: {
      severity: "info",
      verdict: "a tool process is recorded as running, but it does not run",
      arises: "the daemon was killed",
      action: ["stale-process"],
      loses: "nothing: AGH's next start writes the same",
    },
  },
  *find(context) {
    // A catalog that AGH refuses is not read any further, and not written to.
    if (context.stores.catalogError || context.catalog.refusal !== undefined) return;
    yield* missingWorkspaces(context);
    yield* missingSouls(context);
    for (const [id, root_dir] of context.home.live ? context.catalog.workspaces : []) {
      if (isDirectory(root_dir)) continue;
      yield { code: "WORKSPACE_ROOT_MISSING", id, message: `${root_dir} does not exist`, evidence: { root_dir } };
    }
    yield* rowsOutOfDate(context);
    yield* movedBundles(context);
    yield* staleProcesses(context);
  },
};

function info(verdict: string, arises: string): AghRule {
  return { severity: "info", verdict, arises, action: [], loses: "nothing" };
}

interface Workspace {
  readonly root: string | undefined;
  readonly sessions: readonly string[];
}

/** Workspaces that sessions name and that are not among `there`, with the directory that the sessions ran in. */
export function findMissingWorkspaces(
  { sessions }: Pick<CheckContext, "sessions">,
  there: ReadonlyMap<string, string>,
) {
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

function* missingWorkspaces(context: CheckContext): Generator<AghFinding> {
  for (const [id, { root, sessions }] of findMissingWorkspaces(context, context.catalog.workspaces)) {
    const taken = [...context.catalog.workspaces].find(([, other]) => other === root)?.[0];
    const why = root === undefined ? "; no session names its directory" : taken ? `; ${taken} has its directory` : "";
    yield {
      code: "WORKSPACE_MISSING",
      id,
      message: `agh.db has no workspace ${id} of ${sessions.length} ${sessions.length === 1 ? "session" : "sessions"}${why}`,
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

function* missingSouls({ sessions, catalog }: CheckContext): Generator<AghFinding> {
  for (const { id, dir } of sessions) {
    const soul = dir?.meta?.soul_snapshot_id;
    if (!soul || catalog.souls.has(soul)) continue;
    yield { code: "SOUL_MISSING", id, message: `${id} names the soul ${soul}, which agh.db lacks`, evidence: { soul } };
  }
}

function* rowsOutOfDate({ sessions, daemon }: CheckContext): Generator<AghFinding> {
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
function* movedBundles({ home: { root }, stores }: CheckContext): Generator<AghFinding> {
  const moved: string[] = [];
  for (const [id, row] of stores.rows) {
    const recorded = row.text("crash_bundle_path");
    if (recorded !== null && !existsSync(osPath(recorded)) && bundleHere(root, recorded)) moved.push(id);
  }
  if (moved.length === 0) return;
  yield {
    code: "BUNDLE_MOVED",
    message: `${moved.length} recorded ${moved.length === 1 ? "path of a crash bundle does" : "paths of crash bundles do"} not exist; the toolkit finds the bundles by name`,
    evidence: { sessions: moved },
  };
}

function* staleProcesses({ home, catalog, daemon, deps }: CheckContext): Generator<AghFinding> {
  if (daemon.alive === true) return;
  for (const { id, pid, state, started_at, command } of catalog.processes) {
    if (home.live && started_at !== null && processAlive(pid, started_at, deps) === true) continue;
    yield {
      code: "PROCESS_STALE",
      id,
      message: `${id} is ${state} with pid ${pid} (${command}), but that process does not run`,
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
      verdict: "a row of agh.db refers to one that does not exist",
      arises: "somebody wrote to agh.db with foreign keys off",
      action: [],
      loses: "nothing safe",
    },
  },
  *find({ home: { root }, catalogRoot, deps, level, stores }) {
    if (stores.catalogError) return;
    const { lines, dangling } = readCatalog(catalogRoot, deps, (db) => ({
      lines: checkIntegrity(db, level === "deep" ? "full" : "quick"),
      dangling: level === "deep" ? listDanglingReferences(db) : [],
    }));
    if (lines.length > 0) {
      const evidence = { lines: lines.slice(0, 20), file: readFileMark(catalogFile(root)) };
      yield { code: "CATALOG_DAMAGED", id: CATALOG, message: `agh.db: ${lines[0]}`, evidence };
    }
    for (const [table, rows] of Map.groupBy(dangling, (one) => `${one.table} → ${one.parent}`)) {
      const evidence = { rows: rows.length, rowids: rows.slice(0, 20).map(({ rowid }) => Number(rowid)) };
      yield {
        code: "REFERENCE_DANGLING",
        id: table,
        message: `${rows.length} ${rows.length === 1 ? "row" : "rows"}: ${table}`,
        evidence,
      };
    }
  },
};
