// Makes what a plan needs beside the home, and the steps that put it there: nothing of the home is touched yet.
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname } from "node:path";
import { joinPath, osPath } from "../files/os-path.ts";
import { syncTree } from "../files/sync-tree.ts";
import { toFileError } from "../files/errors.ts";
import type { Stamp } from "../formats/journal.ts";
import type { Deps } from "../records/deps.ts";
import { ToolError } from "../records/error.ts";
import { readCatalog } from "../sources/agh/home/databases.ts";
import type { AghFinding } from "../sources/agh/checks/check-types.ts";
import { readLastEvent } from "../sources/agh/events/last-event.ts";
import { CATALOG, catalogFile } from "../sources/agh/home/layout.ts";
import { classifyMeta } from "../sources/agh/boot/classify-meta.ts";
import {
  exactJson,
  findMetaSource,
  metaText,
  rebuildMeta,
  type MetaFields,
} from "../sources/agh/checks/rebuild-meta.ts";
import { insertWorkspace, writeTotals, markProcessStale } from "../sources/agh/checks/repair-rows.ts";
import type { Totals } from "../sources/agh/checks/token-totals.ts";
import { changeDatabase } from "../sqlite/change/change-database.ts";
import { copyCut, noteCut } from "../sqlite/copy/cut.ts";
import { checkpointWal } from "../sqlite/change/checkpoint.ts";
import { pause } from "../sqlite/pause.ts";
import { busy } from "../sqlite/errors.ts";
import type { Plan, PlannedAction } from "./plan.ts";
import { statStamp, type FileStep } from "./execute-swaps.ts";

/** All that the actions change, staged in `dir`; `trash` takes what is thrown away. Durable when it returns. */
export function stageRepairs(
  plan: Plan,
  { dir, trash }: { readonly dir: string; readonly trash: string },
  deps: Deps,
): FileStep[] {
  const staging = new Staging(dir);
  try {
    stageDatabases(plan, staging, deps);
    for (const planned of plan.actions) stageFile(planned, plan, { staging, trash, deps });
    syncTree(dir);
  } catch (error) {
    throw toFileError(dir, "write below", error);
  }
  return staging.steps;
}

/** The files of one run: what comes in `new`, what was there in `old`. */
class Staging {
  readonly steps: FileStep[] = [];
  readonly #dir: string;
  #count = 0;

  constructor(dir: string) {
    this.#dir = dir;
    for (const name of ["new", "old"]) mkdirSync(osPath(joinPath(dir, name)), { recursive: true, mode: 0o700 });
  }

  /** A name within the run's directory that nothing has yet. */
  freshPath(path: string, where: "new" | "old" = "new"): string {
    return joinPath(this.#dir, `${where}/${++this.#count}-${basename(path)}`);
  }

  /** `file` takes the place of `path`, with its mode and owner (else those given). */
  stageReplacement(
    path: string,
    file: string,
    { mode = 0o600, from = statStamp(path) }: { mode?: number; from?: Stamp | null } = {},
  ): void {
    const like = lstatSync(osPath(path), { throwIfNoEntry: false });
    const { uid, gid } = like ?? lstatSync(osPath(dirname(path)));
    const own = lstatSync(osPath(file));
    if (own.uid !== uid || own.gid !== gid) chownSync(osPath(file), uid, gid);
    chmodSync(osPath(file), like ? like.mode & 0o7777 : mode);
    this.steps.push({
      do: "swap",
      path,
      from,
      to: statStamp(file)!,
      staged: file,
      ...(from && { kept: this.freshPath(path, "old") }),
    });
  }

  /** `kept` is where it can be found again. */
  stageRemoval(path: string, kept = this.freshPath(path, "old")): void {
    const from = statStamp(path);
    if (from) this.steps.push({ do: "swap", path, from, to: null, kept });
  }
}

function stageDatabases(plan: Plan, staging: Staging, deps: Deps): void {
  const { look, actions } = plan;
  const rows = actions.filter(({ repair: { verb } }) => ROW_REPAIRS[verb] !== undefined);
  const path = catalogFile(look.home.root);
  const catalogAction = actions.find(({ repair, replacement }) => replacement && repair.subject["path"] === path);
  if (catalogAction || rows.length > 0) {
    const file = staging.freshPath(path);
    if (catalogAction) copyFileSync(osPath(catalogFile(catalogAction.replacement!.dir)), osPath(file));
    else copyFolded(path, file, deps);
    if (rows.length > 0) {
      changeDatabase(file, (db) => {
        for (const one of rows) ROW_REPAIRS[one.repair.verb]!(db, one, deps.now());
      });
    }
    stageDatabaseSwap(path, file, staging, deps);
    if (catalogAction) removeSetAside(catalogAction, staging);
  }
  for (const one of actions) {
    if (!one.replacement || one === catalogAction) continue;
    const events = String(one.repair.subject["path"]);
    const file = staging.freshPath(events);
    copyFileSync(osPath(joinPath(one.replacement.dir, basename(events))), osPath(file));
    stageDatabaseSwap(events, file, staging, deps);
    removeSetAside(one, staging);
  }
}

type RowRepair = (db: Parameters<Parameters<typeof changeDatabase>[1]>[0], planned: PlannedAction, now: Date) => void;

const ROW_REPAIRS: { readonly [verb: string]: RowRepair | undefined } = {
  "add-workspace": (db, { repair: { subject } }, now) =>
    insertWorkspace(db, String(subject["workspace_id"]), String(subject["root_dir"]), now),
  "stale-process": (db, { repair: { subject } }, now) => markProcessStale(db, String(subject["process_id"]), now),
  "recompute-totals": (db, { repair: { subject }, found }) =>
    writeTotals(db, String(subject["session_id"]), (found.evidence as { usage: Totals }).usage),
};

/** The whole database, WAL and hot journal in it. */
function copyFolded(path: string, file: string, deps: Deps): void {
  for (let tries = 1; tries <= 50; tries++) {
    for (const suffix of ["", "-wal", "-journal"]) rmSync(osPath(file + suffix), { force: true });
    const cut = noteCut(path);
    if (!cut.fresh && copyCut(path, cut, file) === "same") return checkpointWal(file);
    pause(20, deps.signal);
  }
  throw busy(`${path} is being written to, and not by AGH's daemon`);
}

/**
 * A WAL belongs to the file it lies beside. Where it holds something, the file gets that folded in first: with or
 * without the WAL it is the same database then, and the WAL can go before the new file comes.
 */
function stageDatabaseSwap(path: string, file: string, staging: Staging, deps: Deps): void {
  const { main, wal, journal } = noteCut(path);
  let from = statStamp(path);
  if (main && (wal || journal)) {
    const folded = staging.freshPath(path);
    if (tryCopyFolded(path, folded, deps)) {
      staging.stageReplacement(path, folded);
      from = statStamp(folded);
    }
  }
  if (wal || journal) for (const suffix of ["-wal", "-shm", "-journal"]) staging.stageRemoval(path + suffix);
  staging.stageReplacement(path, file, { mode: basename(path) === CATALOG ? 0o600 : 0o644, from });
}

const BROKEN: ReadonlySet<string> = new Set(["E_CORRUPT", "E_NOT_A_DATABASE", "E_EMPTY_DATABASE", "E_NOT_FOLDED"]);

/** What is broken cannot be folded; it is no loss then. A disk that fails or is full is no proof of that. */
function tryCopyFolded(path: string, file: string, deps: Deps): boolean {
  try {
    copyFolded(path, file, deps);
    return true;
  } catch (error) {
    if (error instanceof ToolError && BROKEN.has(error.code)) return false;
    throw error;
  }
}

/** What was put back is no evidence any more. */
function removeSetAside({ repair: { verb, subject } }: PlannedAction, staging: Staging): void {
  if (verb !== "put-back") return;
  for (const suffix of ["", "-wal", "-shm", "-journal"]) {
    const file = `${String(subject["from"])}${suffix}`;
    if (existsSync(osPath(file))) staging.stageRemoval(file);
  }
}

interface StageContext {
  readonly staging: Staging;
  readonly trash: string;
  readonly deps: Deps;
}

function stageFile(
  { repair: { verb, subject, expect }, found }: PlannedAction,
  plan: Plan,
  { staging, trash, deps }: StageContext,
): void {
  const path = String(subject["path"]);
  if (verb === "chmod") {
    staging.steps.push({
      do: "mode",
      path,
      from: Number.parseInt(String(expect["mode"]), 8),
      to: Number.parseInt(String(subject["mode"]), 8),
    });
  } else if (verb === "trash") {
    staging.stageRemoval(path, joinPath(trash, path.slice(plan.look.home.root.length + 1).replaceAll("/", "__")));
  } else if (verb === "classify" || verb === "rebuild-meta") {
    const text = verb === "classify" ? readClassifiedMeta(path, plan, deps) : readRebuiltMeta(found, plan, deps);
    const file = staging.freshPath(path);
    writeFileSync(osPath(file), text, { mode: 0o600 });
    staging.stageReplacement(path, file, { mode: 0o644 });
  }
}

/** The meta as AGH's next start would write it. */
function readClassifiedMeta(path: string, { look }: Plan, deps: Deps): string {
  const meta = exactJson(readFileSync(osPath(path), "utf8")) as MetaFields;
  const plain = look.sessions.find(({ dir }) => dir && joinPath(dir.path, "meta.json") === path)!.dir!.meta!;
  const stopped = classifyMeta(plain, look.home, deps)!;
  const { acp_session_id: acp, ...rest } = meta;
  const kept = plain.state.trim() === "starting" ? rest : { ...rest, acp_session_id: acp };
  return metaText({ ...kept, ...stopped, updated_at: deps.now().toISOString() });
}

function readRebuiltMeta(found: AghFinding, { look }: Plan, deps: Deps): string {
  const known = look.sessions.find(({ id }) => id === found.id)!;
  const from = findMetaSource(known, look)!;
  const { last_event_at: last } = readLastEvent(known.dir!.path, deps);
  return readCatalog(look.catalogRoot, deps, (db) => rebuildMeta(known.id, from, db, last));
}
