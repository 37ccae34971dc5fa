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
import { fileTrouble } from "../files/trouble.ts";
import type { Stamp } from "../formats/journal.ts";
import type { Deps } from "../records/deps.ts";
import { ToolError } from "../records/error.ts";
import { readCatalog } from "../sources/agh/databases.ts";
import type { Found } from "../sources/agh/findings-rule.ts";
import { lastEvent } from "../sources/agh/last-event.ts";
import { CATALOG, catalogFile } from "../sources/agh/layout.ts";
import { classify } from "../sources/agh/recovery.ts";
import { exactJson, metaSource, metaText, rebuiltMeta, type Told } from "../sources/agh/truth-meta.ts";
import { addWorkspace, putTotals, staleProcess } from "../sources/agh/truth-rows.ts";
import type { Totals } from "../sources/agh/truth-totals.ts";
import { changeDatabase } from "../sqlite/change.ts";
import { copyPrefix, noteCut } from "../sqlite/copy.ts";
import { foldWal } from "../sqlite/fold.ts";
import { pause } from "../sqlite/pause.ts";
import { busy } from "../sqlite/trouble.ts";
import type { Plan, Planned } from "./plan.ts";
import { stampOf, type OwnStep } from "./swap.ts";

/** All that the actions change, staged in `dir`; `trash` takes what is thrown away. Durable when it returns. */
export function stage(
  plan: Plan,
  { dir, trash }: { readonly dir: string; readonly trash: string },
  deps: Deps,
): OwnStep[] {
  const staging = new Staging(dir);
  try {
    stageDatabases(plan, staging, deps);
    for (const planned of plan.actions) stageFile(planned, plan, { staging, trash, deps });
    syncTree(dir);
  } catch (error) {
    throw fileTrouble(dir, "write below", error);
  }
  return staging.steps;
}

/** The files of one run: what comes in `new`, what was there in `old`. */
class Staging {
  readonly steps: OwnStep[] = [];
  readonly #dir: string;
  #count = 0;

  constructor(dir: string) {
    this.#dir = dir;
    for (const name of ["new", "old"]) mkdirSync(osPath(joinPath(dir, name)), { recursive: true, mode: 0o700 });
  }

  /** A name within the run's directory that nothing has yet. */
  fresh(path: string, where: "new" | "old" = "new"): string {
    return joinPath(this.#dir, `${where}/${++this.#count}-${basename(path)}`);
  }

  /** `file` takes the place of `path`, with its mode and owner (else those given). */
  put(
    path: string,
    file: string,
    { mode = 0o600, from = stampOf(path) }: { mode?: number; from?: Stamp | null } = {},
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
      to: stampOf(file)!,
      staged: file,
      ...(from && { kept: this.fresh(path, "old") }),
    });
  }

  /** `kept` is where it can be found again. */
  takeAway(path: string, kept = this.fresh(path, "old")): void {
    const from = stampOf(path);
    if (from) this.steps.push({ do: "swap", path, from, to: null, kept });
  }
}

function stageDatabases(plan: Plan, staging: Staging, deps: Deps): void {
  const { look, actions } = plan;
  const rows = actions.filter(({ mending: { verb } }) => ROWS[verb] !== undefined);
  const path = catalogFile(look.home.root);
  const anew = actions.find(({ mending, replacement }) => replacement && mending.subject["path"] === path);
  if (anew || rows.length > 0) {
    const file = staging.fresh(path);
    if (anew) copyFileSync(osPath(catalogFile(anew.replacement!.dir)), osPath(file));
    else copyFolded(path, file, deps);
    if (rows.length > 0) {
      changeDatabase(file, (db) => {
        for (const one of rows) ROWS[one.mending.verb]!(db, one, deps.now());
      });
    }
    swapDatabase(path, file, staging, deps);
    if (anew) takeAsideAway(anew, staging);
  }
  for (const one of actions) {
    if (!one.replacement || one === anew) continue;
    const events = String(one.mending.subject["path"]);
    const file = staging.fresh(events);
    copyFileSync(osPath(joinPath(one.replacement.dir, basename(events))), osPath(file));
    swapDatabase(events, file, staging, deps);
    takeAsideAway(one, staging);
  }
}

type Row = (db: Parameters<Parameters<typeof changeDatabase>[1]>[0], planned: Planned, now: Date) => void;

const ROWS: { readonly [verb: string]: Row | undefined } = {
  "add-workspace": (db, { mending: { subject } }, now) =>
    addWorkspace(db, String(subject["workspace_id"]), String(subject["root_dir"]), now),
  "stale-process": (db, { mending: { subject } }, now) => staleProcess(db, String(subject["process_id"]), now),
  "recompute-totals": (db, { mending: { subject }, found }) =>
    putTotals(db, String(subject["session_id"]), (found.evidence as { usage: Totals }).usage),
};

/** The whole database, WAL and hot journal in it. */
function copyFolded(path: string, file: string, deps: Deps): void {
  for (let tries = 1; tries <= 50; tries++) {
    for (const suffix of ["", "-wal", "-journal"]) rmSync(osPath(file + suffix), { force: true });
    const cut = noteCut(path);
    if (!cut.fresh && copyPrefix(path, cut, file) === "same") return foldWal(file);
    pause(20, deps.signal);
  }
  throw busy(`${path} is written to all the time, without AGH's daemon`);
}

/**
 * A WAL belongs to the file it lies beside. Where it holds something, the file gets that folded in first: with or
 * without the WAL it is the same database then, and the WAL can go before the new file comes.
 */
function swapDatabase(path: string, file: string, staging: Staging, deps: Deps): void {
  const { main, wal, journal } = noteCut(path);
  let from = stampOf(path);
  if (main && (wal || journal)) {
    const folded = staging.fresh(path);
    if (canFold(path, folded, deps)) {
      staging.put(path, folded);
      from = stampOf(folded);
    }
  }
  if (wal || journal) for (const suffix of ["-wal", "-shm", "-journal"]) staging.takeAway(path + suffix);
  staging.put(path, file, { mode: basename(path) === CATALOG ? 0o600 : 0o644, from });
}

const BROKEN: ReadonlySet<string> = new Set(["E_CORRUPT", "E_NOT_A_DATABASE", "E_EMPTY_DATABASE", "E_NOT_FOLDED"]);

/** What is broken cannot be folded; it is no loss then. A disk that fails or is full is no proof of that. */
function canFold(path: string, file: string, deps: Deps): boolean {
  try {
    copyFolded(path, file, deps);
    return true;
  } catch (error) {
    if (error instanceof ToolError && BROKEN.has(error.code)) return false;
    throw error;
  }
}

/** What was put back is no evidence any more. */
function takeAsideAway({ mending: { verb, subject } }: Planned, staging: Staging): void {
  if (verb !== "put-back") return;
  for (const suffix of ["", "-wal", "-shm", "-journal"]) {
    const file = `${String(subject["from"])}${suffix}`;
    if (existsSync(osPath(file))) staging.takeAway(file);
  }
}

interface Into {
  readonly staging: Staging;
  readonly trash: string;
  readonly deps: Deps;
}

function stageFile(
  { mending: { verb, subject, expect }, found }: Planned,
  plan: Plan,
  { staging, trash, deps }: Into,
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
    staging.takeAway(path, joinPath(trash, path.slice(plan.look.home.root.length + 1).replaceAll("/", "__")));
  } else if (verb === "classify" || verb === "rebuild-meta") {
    const text = verb === "classify" ? classified(path, plan, deps) : rebuilt(found, plan, deps);
    const file = staging.fresh(path);
    writeFileSync(osPath(file), text, { mode: 0o600 });
    staging.put(path, file, { mode: 0o644 });
  }
}

/** The meta as AGH's next start would write it. */
function classified(path: string, { look }: Plan, deps: Deps): string {
  const meta = exactJson(readFileSync(osPath(path), "utf8")) as Told;
  const plain = look.sessions.find(({ dir }) => dir && joinPath(dir.path, "meta.json") === path)!.dir!.meta!;
  const stopped = classify(plain, look.home, deps)!;
  const { acp_session_id: acp, ...rest } = meta;
  const kept = plain.state.trim() === "starting" ? rest : { ...rest, acp_session_id: acp };
  return metaText({ ...kept, ...stopped, updated_at: deps.now().toISOString() });
}

function rebuilt(found: Found, { look }: Plan, deps: Deps): string {
  const known = look.sessions.find(({ id }) => id === found.id)!;
  const from = metaSource(known, look)!;
  const { last_event_at: last } = lastEvent(known.dir!.path, deps);
  return readCatalog(look.catalogRoot, deps, (db) => rebuiltMeta(known.id, from, db, last));
}
