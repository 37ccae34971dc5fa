// Stages what a restore into a home needs, and computes what it would change there.
import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { joinPath, osPath } from "../../files/os-path.ts";
import { extract, applyDirectoryMetadata } from "../../formats/repository/extract.ts";
import type { ListingLine } from "../../formats/repository/listing.ts";
import { decodeRows } from "../../formats/archive/rows.ts";
import { readListing } from "../../formats/repository/snapshots.ts";
import { placeError, refusal } from "../../records/error.ts";
import { readLedgerPlace } from "../../sources/agh/home/config.ts";
import { readCatalog } from "../../sources/agh/home/databases.ts";
import { catalogFile, isId, sessionDir } from "../../sources/agh/home/layout.ts";
import {
  listIndexedSessions,
  schemaDifferences,
  foreignTableIn,
  findWorkspaceConflict,
} from "../../sources/agh/custody/restore-rows.ts";
import { readMigrations, readSessionRows } from "../../sources/agh/custody/session-rows.ts";
import { planFiles, planSession, planHome, type InPlacePlan, type StagedPart } from "./plan-in-place.ts";
import { mergeCatalogRows } from "./merge-catalog-rows.ts";
import type { RestoreContext } from "./restore-in-place.ts";
import { partOfSession } from "./restore-scope.ts";

export interface StagedRestore extends InPlacePlan {
  /** Roots outside the home of which the snapshot holds something that was asked for, and how many files. */
  readonly outside?: ReadonlyMap<string, number>;
  /** Catalog rows as JSON Lines; undefined where none are missing. */
  readonly rows?: string;
}

/** `planned` lays out only what the plan needs. Damage → exit 6, before anything in the home is touched. */
export async function stageInPlace(
  context: RestoreContext,
  dir: string,
  how: "planned" | "staged",
): Promise<StagedRestore> {
  const { scope, place, manifest, repo } = context;
  if (scope.session !== undefined) return stageSession(context, scope.session, dir);
  const lines: ListingLine[] = [];
  const outside = new Map<string, number>();
  for await (const line of readListing(repo, manifest)) {
    if (scope.only !== undefined && !scope.only(line)) continue;
    if (line.root === "home") lines.push(line);
    else if (line.type === "file") outside.set(line.root, (outside.get(line.root) ?? 0) + 1);
  }
  const plan = {
    ...(scope.only ? planFiles(place.home.root, lines) : planHome(place, lines, manifest)),
    outside,
  };
  if (how === "planned") return plan;
  const pendingPaths = new Set(plan.installs.map(({ from }) => from));
  const only = ({ root, path }: ListingLine): boolean =>
    root === "home" && (scope.only === undefined ? path !== "" : pendingPaths.has(path));
  await extractPaths(context, dir, only);
  if (scope.only && existsSync(osPath(catalogFile(dir)))) mergeCatalogRows(place.home.root, dir, context.deps);
  return plan;
}

async function extractPaths(
  { repo, manifest, deps }: RestoreContext,
  dir: string,
  only: (line: ListingLine) => boolean,
): Promise<void> {
  const plan = { repo, manifest, dir, only };
  const { faults } = await extract(plan, deps);
  const [fault] = faults;
  if (fault) {
    const more = faults.length > 1 ? ` and ${faults.length - 1} more` : "";
    const message = `${fault.path.slice(dir.length + 1)}${more} cannot be restored: ${fault.message}`;
    const hint = `agh-backup verify ${manifest.id} --level full --repo ${repo.url}`;
    throw placeError(`E_${fault.code}`, message, hint);
  }
  await applyDirectoryMetadata(plan, "below");
}

async function stageSession(context: RestoreContext, id: string, dir: string): Promise<StagedRestore> {
  const { place, replace, deps } = context;
  const { root } = place.home;
  const { ledgerRoot, problem } = await readLedgerPlace(root, deps);
  if (problem) throw refusal("E_CONFIG", problem.message, "repair config.toml: it sets where ledgers are stored");
  const lines: ListingLine[] = [];
  await extractPaths(context, dir, (line) => {
    const part = partOfSession(line, id);
    if (part !== undefined) lines.push(line);
    return part !== undefined || (line.root === "home" && line.class === "catalog");
  });
  const parts = sessionParts(lines, id, { root, ledgerRoot });
  const plan = planSession({ dir, id, root, parts, replace }, deps);
  const rows = readMissingRows(context, id, dir);
  return { ...plan, ...(rows !== undefined && { rows }) };
}

/** The session's directory and its ledger's as one each, bundles file by file. */
function sessionParts(
  lines: readonly ListingLine[],
  id: string,
  { root, ledgerRoot }: { readonly root: string; readonly ledgerRoot: string },
): StagedPart[] {
  const parts = new Map<string, StagedPart>();
  const add = (from: string, to: string, bytes: number): void =>
    void parts.set(from, { from, to, bytes: (parts.get(from)?.bytes ?? 0) + bytes });
  for (const line of lines) {
    const { path, size = 0, type } = line;
    const part = partOfSession(line, id);
    if (part === "directory") add(`sessions/${id}`, sessionDir(root, id), size);
    else if (part === "bundle" && type === "file") add(path, joinPath(root, path), size);
    else if (part === "ledger" && type === "file") {
      const own = dirname(path);
      const partition = own.split("/").at(-2);
      if (!isId(partition))
        throw refusal("E_HOSTILE_PATH", `the ledger of ${id} has the invalid path ${JSON.stringify(path)}`);
      const from = line.root === "home" ? own : `.agh-toolkit/outside/${line.root}/${own}`;
      add(from, joinPath(joinPath(ledgerRoot, partition), id), size);
    }
  }
  return [...parts.values()];
}

/** The session's rows, where its own or its workspace's is missing; refused (4) where the catalog would not take them. */
function readMissingRows({ place, manifest, deps }: RestoreContext, id: string, dir: string): string | undefined {
  const { home } = place;
  const lines = readCatalog(dir, deps, (db) => readSessionRows(db, [id])).of.get(id)?.lines ?? "";
  const rows = decodeRows(Buffer.from(lines));
  const { indexed, schema, conflict } = readCatalog(home.root, deps, (db) => ({
    indexed: listIndexedSessions(db, [id]).has(id),
    schema: readMigrations(db),
    conflict: findWorkspaceConflict(db, rows),
  }));
  if (indexed || rows.rows.length === 0) return undefined;
  const stranger = foreignTableIn(rows, id);
  if (stranger !== undefined)
    throw placeError("E_HOSTILE_ROWS", `the snapshot has rows of ${stranger} for ${id} that belong to another session`);
  const differences = schemaDifferences(rows, schema);
  const own = manifest.home_id === home.id;
  const matters = own ? differences.filter((text) => text.startsWith("the home lacks")) : differences;
  if (matters.length > 0) {
    const message = `session ${id} does not fit the catalog of ${home.place}: ${matters.slice(0, 3).join("; ")}`;
    throw refusal("E_SCHEMA_DIFFERS", message, "start the daemon once so that it migrates its catalog");
  }
  if (conflict !== undefined) {
    throw refusal("E_WORKSPACE_TAKEN", `session ${id}: ${conflict}`, "rename or remove that workspace first");
  }
  return lines;
}
