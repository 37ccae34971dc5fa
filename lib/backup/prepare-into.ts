// Lays out what a restore into a home needs, and finds out what it would change there.
import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { joinPath, osPath } from "../files/os-path.ts";
import { extract, settle } from "../formats/extract.ts";
import type { Line } from "../formats/listing.ts";
import { decodeRows } from "../formats/rows.ts";
import { linesOf } from "../formats/snapshots.ts";
import { placeError, refusal } from "../records/error.ts";
import { readLedgerPlace } from "../sources/agh/config.ts";
import { readCatalog } from "../sources/agh/databases.ts";
import { catalogFile, isId, sessionDir } from "../sources/agh/layout.ts";
import { indexedSessions, schemaDifferences, strangerIn, workspaceConflict } from "../sources/agh/put-rows.ts";
import { migrations, readSessionRows } from "../sources/agh/session-rows.ts";
import { filesPlan, sessionPlan, wholePlan, type IntoPlan, type StagedPart } from "./into-plan.ts";
import { rescueRows } from "./rescue-rows.ts";
import type { Restoring } from "./restore-into.ts";
import { partOfSession } from "./restore-part.ts";

export interface Prepared extends IntoPlan {
  /** Roots outside the home of which the snapshot holds something that was asked for, and how many files. */
  readonly outside?: ReadonlyMap<string, number>;
  /** Catalog rows as JSON Lines; undefined where none are missing. */
  readonly rows?: string;
}

/** `planned` lays out only what the plan needs. Damage → exit 6, before anything in the home is touched. */
export async function prepare(restoring: Restoring, dir: string, how: "planned" | "staged"): Promise<Prepared> {
  const { chosen, place, manifest, repo } = restoring;
  if (chosen.session !== undefined) return prepareSession(restoring, chosen.session, dir);
  const lines: Line[] = [];
  const outside = new Map<string, number>();
  for await (const line of linesOf(repo, manifest)) {
    if (chosen.only !== undefined && !chosen.only(line)) continue;
    if (line.root === "home") lines.push(line);
    else if (line.type === "file") outside.set(line.root, (outside.get(line.root) ?? 0) + 1);
  }
  const plan = {
    ...(chosen.only ? filesPlan(place.home.root, lines) : wholePlan(place, lines, manifest)),
    outside,
  };
  if (how === "planned") return plan;
  const coming = new Set(plan.arrivals.map(({ from }) => from));
  const only = ({ root, path }: Line): boolean =>
    root === "home" && (chosen.only === undefined ? path !== "" : coming.has(path));
  await layOut(restoring, dir, only);
  if (chosen.only && existsSync(osPath(catalogFile(dir)))) rescueRows(place.home.root, dir, restoring.deps);
  return plan;
}

async function layOut({ repo, manifest, deps }: Restoring, dir: string, only: (line: Line) => boolean): Promise<void> {
  const plan = { repo, manifest, dir, only };
  const { faults } = await extract(plan, deps);
  const [fault] = faults;
  if (fault) {
    const more = faults.length > 1 ? ` and ${faults.length - 1} more` : "";
    const message = `${fault.path.slice(dir.length + 1)}${more} cannot be restored: ${fault.message}`;
    const hint = `agh-backup verify ${manifest.id} --level full --repo ${repo.url}`;
    throw placeError(`E_${fault.code}`, message, hint);
  }
  await settle(plan, "below");
}

async function prepareSession(restoring: Restoring, id: string, dir: string): Promise<Prepared> {
  const { place, replace, deps } = restoring;
  const { root } = place.home;
  const { ledgerRoot, problem } = await readLedgerPlace(root, deps);
  if (problem) throw refusal("E_CONFIG", problem.message, "mend config.toml: it says where ledgers lie");
  const lines: Line[] = [];
  await layOut(restoring, dir, (line) => {
    const part = partOfSession(line, id);
    if (part !== undefined) lines.push(line);
    return part !== undefined || (line.root === "home" && line.class === "catalog");
  });
  const parts = partsOf(lines, id, { root, ledgerRoot });
  const plan = sessionPlan({ dir, id, root, parts, replace }, deps);
  const rows = missingRows(restoring, id, dir);
  return { ...plan, ...(rows !== undefined && { rows }) };
}

/** The session's directory and its ledger's as one each, bundles file by file. */
function partsOf(
  lines: readonly Line[],
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
      if (!isId(partition)) throw refusal("E_HOSTILE_PATH", `the ledger of ${id} lies at ${JSON.stringify(path)}`);
      const from = line.root === "home" ? own : `.agh-toolkit/outside/${line.root}/${own}`;
      add(from, joinPath(joinPath(ledgerRoot, partition), id), size);
    }
  }
  return [...parts.values()];
}

/** The session's rows, where its own or its workspace's is missing; refused (4) where the catalog would not take them. */
function missingRows({ place, manifest, deps }: Restoring, id: string, dir: string): string | undefined {
  const { home } = place;
  const lines = readCatalog(dir, deps, (db) => readSessionRows(db, [id])).of.get(id)?.lines ?? "";
  const rows = decodeRows(Buffer.from(lines));
  const { indexed, schema, conflict } = readCatalog(home.root, deps, (db) => ({
    indexed: indexedSessions(db, [id]).has(id),
    schema: migrations(db),
    conflict: workspaceConflict(db, rows),
  }));
  if (indexed || rows.rows.length === 0) return undefined;
  const stranger = strangerIn(rows, id);
  if (stranger !== undefined)
    throw placeError("E_HOSTILE_ROWS", `the snapshot has rows of ${stranger} for ${id} that are another's`);
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
