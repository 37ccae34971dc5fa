// Takes the steps of a journal; each may have been taken before.
import { chmodSync, cpSync, lstatSync, mkdirSync, renameSync, rmSync, utimesSync } from "node:fs";
import { dirname } from "node:path";
import { fsyncDir } from "../../../files/atomic.ts";
import { joinPath, osPath } from "../../../files/os-path.ts";
import { syncTree } from "../../../files/sync-tree.ts";
import { toFileError } from "../../../files/errors.ts";
import { belowRoot, walk } from "../../../files/walk.ts";
import { journalDir, type Journal, type Step } from "../../../formats/journal.ts";
import { refusal } from "../../../records/error.ts";
import { insertStagedRows } from "./insert-rows.ts";

export interface ExecutedSteps {
  readonly rows: number;
  readonly renumbered: number;
}

/** Rows come first: a directory without its workspace's row would keep the daemon from starting. Durable when it returns. */
export function executeSteps(root: string, journal: Journal): ExecutedSteps {
  const executed = { rows: 0, renumbered: 0 };
  const touched = new Set<string>();
  for (const step of journal.steps) {
    if (step.do === "rows") {
      const { inserted, renumbered } = executeRows(root, journal.run, step);
      executed.rows += inserted;
      executed.renumbered += renumbered;
    } else if (step.do === "move") executeMove(step, touched);
    else if (step.do === "put") executePut(step, touched);
    else if (step.do === "aside") executeAside(step, touched);
    else if (step.do === "remove") executeRemove(step, touched);
    else throw unknownStep(root, journal);
  }
  for (const dir of touched) if (lstatSync(osPath(dir), { throwIfNoEntry: false })) syncNames(dir);
  return executed;
}

/** Whether all steps are of the kinds that are taken here. */
export const canExecute = ({ steps }: Journal): boolean => steps.every((step) => KNOWN.has(step.do));

const KNOWN: ReadonlySet<Step["do"]> = new Set(["rows", "move", "put", "aside", "remove"]);

const unknownStep = (root: string, { tool }: Journal): Error =>
  refusal("E_UNFINISHED", `${tool} was killed while it changed ${root}`, `run it again: ${tool}`);

function executeAside({ path, to }: Step & { do: "aside" }, touched: Set<string>): void {
  const there = (file: string): boolean => lstatSync(osPath(file), { throwIfNoEntry: false }) !== undefined;
  if (there(to) || !there(path)) return;
  try {
    mkdirSync(osPath(dirname(to)), { recursive: true, mode: 0o700 });
    move(path, to);
    touched.add(dirname(path)).add(dirname(to));
  } catch (error) {
    throw toFileError(path, "set aside", error);
  }
}

function executeRemove({ path, tree = false }: Step & { do: "remove" }, touched: Set<string>): void {
  try {
    rmSync(osPath(path), { force: true, recursive: tree });
    touched.add(dirname(path));
  } catch (error) {
    throw toFileError(path, "remove", error);
  }
}

function syncNames(dir: string): void {
  try {
    fsyncDir(dir);
  } catch (error) {
    throw toFileError(dir, "sync", error);
  }
}

function executeRows(root: string, run: string, { files, own_home }: Step & { do: "rows" }) {
  const staged = files.map((file) => joinPath(journalDir(root, run), file));
  return insertStagedRows(root, staged, own_home);
}

function executeMove({ from, to }: Step & { do: "move" }, touched: Set<string>): void {
  if (!lstatSync(osPath(from), { throwIfNoEntry: false })) return; // moved already
  if (lstatSync(osPath(to), { throwIfNoEntry: false })) {
    throw refusal("E_EXISTS", `${to} was created in the meantime`, "move it away, then run the same command again");
  }
  try {
    makeParents(dirname(to), touched);
    move(from, to);
    touched.add(dirname(to));
  } catch (error) {
    throw toFileError(to, "write", error);
  }
}

function executePut({ from, to }: Step & { do: "put" }, touched: Set<string>): void {
  if (!lstatSync(osPath(from), { throwIfNoEntry: false })) return; // put already
  try {
    mkdirSync(osPath(dirname(to)), { recursive: true, mode: 0o700 });
    renameSync(osPath(from), osPath(to));
    touched.add(dirname(to));
  } catch (error) {
    throw toFileError(to, "write", error);
  }
}

/** As AGH makes them: readable for all, behind a home that is not. */
function makeParents(dir: string, touched: Set<string>): void {
  if (lstatSync(osPath(dir), { throwIfNoEntry: false })) return;
  makeParents(dirname(dir), touched);
  mkdirSync(osPath(dir), { mode: 0o755 });
  chmodSync(osPath(dir), 0o755); // whatever the umask
  touched.add(dirname(dir));
}

function move(from: string, to: string): void {
  try {
    renameSync(osPath(from), osPath(to));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EXDEV") throw error;
    copyAcross(from, `${to}.agh-toolkit`);
    renameSync(osPath(`${to}.agh-toolkit`), osPath(to));
  }
}

/** A ledger root may lie on another file system. */
function copyAcross(from: string, to: string): void {
  rmSync(osPath(to), { recursive: true, force: true });
  cpSync(osPath(from) as string, osPath(to) as string, { recursive: true });
  for (const { path, stat } of [...walk(from)].reverse()) {
    const time = (Number(stat.mtimeNs / 1000n) + 0.5) / 1e6;
    chmodSync(osPath(belowRoot(to, path)), Number(stat.mode & 0o777n));
    utimesSync(osPath(belowRoot(to, path)), time, time);
  }
  syncTree(to);
}
