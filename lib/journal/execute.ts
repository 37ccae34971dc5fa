// Does the steps of a journal, in order; what a killed run has left is looked at again first.
import { lstatSync, mkdirSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { asOwner } from "../files/as-owner.ts";
import { fsyncDir } from "../files/atomic.ts";
import { toFileError } from "../files/errors.ts";
import { joinPath, osPath } from "../files/os-path.ts";
import { EXIT, ToolError } from "../records/error.ts";
import type { Journal } from "./format.ts";
import type { JournalHome } from "./journal-home.ts";
import { assertNoLinksIn, resolveLocation, rootsOf, type Roots } from "./locations.ts";
import { finishCopy, isContained, isSameTree, isThere, movePath, removeMoveRests } from "./move.ts";
import { failedSteps, type FailedStep } from "./outcome.ts";
import { writeRemovedRows } from "./removed-rows.ts";
import { reverseStep } from "./reverse.ts";
import { look, sameSeen } from "./stamps.ts";
import { isReplaced, stepState, type StepState } from "./step-state.ts";
import {
  groupOf,
  type InsertRows,
  type Location,
  type Move,
  type Remove,
  type RemoveRows,
  type Step,
} from "./steps.ts";
import { changeMode, swapFile } from "./swap.ts";

export interface Done {
  /** Rows that were inserted, and those that got another number. */
  readonly inserted: number;
  readonly renumbered: number;
  /** Sessions whose rows were removed, and why others' were not. */
  readonly removed: readonly string[];
  readonly reasons: ReadonlyMap<string, string>;
  /** Steps that were not done, since what they were about had changed. */
  readonly dropped: readonly Dropped[];
  /** Steps that have not done what they were to do; each is a problem (3). */
  readonly failed: readonly FailedStep[];
}

export interface Dropped {
  readonly step: Step;
  readonly reason: string;
}

export interface Execute {
  /** The run was killed; the home may have been used since. */
  readonly again?: { readonly writtenAt: number | undefined };
  /** Called when the first step is done. */
  readonly onBegun?: () => void;
}

/** Durable when it returns. */
export function executeSteps(home: JournalHome, journal: Journal, options: Execute = {}): Done {
  return asOwner(home.owner, () => new Execution(home, journal).run(options));
}

class Execution {
  readonly #home: JournalHome;
  readonly #journal: Journal;
  readonly #roots: Roots;
  readonly #touched = new Set<string>();
  #inserted = 0;
  #renumbered = 0;
  #removed: string[] = [];
  #reasons = new Map<string, string>();
  #isAgain = false;

  constructor(home: JournalHome, journal: Journal) {
    this.#home = home;
    this.#journal = journal;
    this.#roots = rootsOf(home, journal.run);
  }

  run({ again, onBegun }: Execute): Done {
    const { steps } = this.#journal;
    assertNoLinksIn(steps, this.#roots);
    this.#isAgain = again !== undefined;
    if (this.#isAgain || this.#journal.direction === "back") this.#removeRests();
    const dropped = again ? this.#review(steps, again.writtenAt) : [];
    const left = new Set(dropped.map(({ step }) => step));
    for (const step of steps) {
      if (!left.has(step)) this.#take(step);
      onBegun?.();
    }
    for (const dir of this.#touched) if (isThere(dir)) syncNames(dir);
    const failed = this.#isAgain ? [] : failedSteps(steps, this.#path);
    for (const one of failed) this.#reportFailed(one);
    return {
      inserted: this.#inserted,
      renumbered: this.#renumbered,
      removed: this.#removed,
      reasons: this.#reasons,
      dropped,
      failed,
    };
  }

  #removeRests(): void {
    for (const step of this.#journal.steps) {
      if (step.do !== "move") continue;
      const paths = { from: this.#path(step.from), to: this.#path(step.to) };
      this.#at(step.to, "remove what is left of a copy beside", () => removeMoveRests(paths));
    }
  }

  #path = (location: Location): string => resolveLocation(this.#roots, location);

  /**
   * Steps that must not be done any more; of their groups what was moved is moved back. Files that were swapped stay: each step of a
   * database left it whole, and an old WAL beside a file that was written to since would undo what was written.
   */
  #review(steps: readonly Step[], writtenAt: number | undefined): Dropped[] {
    const context = { pathOf: this.#path, steps, writtenAt };
    const states = new Map(steps.map((step) => [step, stepState(step, context)]));
    const dropped: Dropped[] = [];
    for (const group of Map.groupBy(steps, (step) => groupOf(step) ?? step).values()) {
      const reason = this.#reasonAgainst(group, states);
      if (reason === undefined) continue;
      for (const step of group.toReversed()) {
        if (step.do === "move" && states.get(step) === "done") this.#takeBack(step);
      }
      for (const step of group) dropped.push({ step, reason });
    }
    return dropped;
  }

  #reasonAgainst(group: readonly Step[], states: ReadonlyMap<Step, StepState>): string | undefined {
    for (const step of group) {
      const state = states.get(step)!;
      if (typeof state === "object") return state.changed;
    }
    const isRemoval = group.some((step) => takesOut(step) && states.get(step) === "pending" && !this.#isOut(step));
    const session = groupOf(group[0]!);
    return isRemoval && session !== undefined ? this.#home.reasonAgainst(session) : undefined;
  }

  /** Its copy is out, and only what is left of it has to go. */
  #isOut = (step: Step): boolean => step.do === "move" && isThere(this.#path(step.to));

  #takeBack(step: Move): void {
    const back = reverseStep(step)!;
    if (stepState(back, { pathOf: this.#path, steps: [back], writtenAt: undefined }) !== "pending") return;
    this.#take(back);
  }

  #take(step: Step): void {
    switch (step.do) {
      case "insert-rows":
        return this.#insertRows(step);
      case "remove-rows":
        return this.#removeRows(step);
      case "move":
        return this.#at(step.to, "write", () => this.#move(step));
      case "remove":
        return this.#at(step.path, "remove", () => this.#remove(step));
      case "swap":
        return this.#at(step.path, "change", () => {
          const state = stepState(step, { pathOf: this.#path, steps: this.#journal.steps, writtenAt: undefined });
          if (state === "done") return;
          const [staged, kept] = [step.staged, step.kept].map((at) => (at === undefined ? undefined : this.#path(at)));
          swapFile(step, { path: this.#path(step.path), staged, kept }, this.#touched);
        });
      default:
        return this.#at(step.path, "change the mode of", () => changeMode(step, this.#path(step.path)));
    }
  }

  #at(location: Location, doing: string, act: () => void): void {
    try {
      act();
    } catch (error) {
      throw toFileError(this.#path(location), doing, error);
    }
  }

  #move(step: Move): void {
    const [from, to] = [this.#path(step.from), this.#path(step.to)];
    // Moved already, and what has come in its place is to stay.
    if (!isThere(from) || isReplaced(step, { pathOf: this.#path, steps: this.#journal.steps })) return;
    if (step.displace) {
      const isOut = step.to.startsWith("trash:");
      if (this.#isCopied(from, to, isOut)) return finishCopy(from, to, this.#touched);
      if (isThere(to)) this.#displace(isOut ? step.from : step.to);
      else if (isOut && this.#isAgain && step.seen && !sameSeen(step.seen, look(from))) this.#reportDisplaced(from, to);
      if (!isThere(from)) return;
    }
    movePath({ from, to, replace: step.replace === true }, this.#touched);
  }

  /** A move between mounts that was killed before its source went. */
  #isCopied(from: string, to: string, isOut: boolean): boolean {
    return this.#isAgain && isThere(to) && (isOut ? isContained(from, to) : isSameTree(from, to));
  }

  /** What has come to be in a place that a replacement takes goes to the trash of the run. */
  #displace(location: Location): void {
    const path = this.#path(location);
    const to = this.#freeInTrash(location.slice(location.indexOf(":") + 1));
    movePath({ from: path, to, replace: false }, this.#touched);
    this.#reportDisplaced(path, to);
  }

  #freeInTrash(name: string): string {
    for (let number = 1; ; number++) {
      const path = this.#path(`trash:meanwhile${number === 1 ? "" : `-${number}`}/${name}`);
      if (!isThere(path)) return path;
    }
  }

  #reportDisplaced(path: string, to: string): void {
    const { tool, run } = this.#journal;
    this.#home.log.problem(
      new ToolError({
        code: "E_DISPLACED",
        message: `${path} was changed after ${tool} had begun to replace it (run ${run}): it is in ${to} now`,
        hint: `look at what is new there: ls -lR ${to}`,
        exit: EXIT.partial,
      }),
    );
  }

  #reportFailed({ reason }: FailedStep): void {
    const { tool, run } = this.#journal;
    this.#home.log.problem(
      new ToolError({
        code: "E_NOT_DONE",
        message: `${tool} (run ${run}) has not done all that it was to do: ${reason}`,
        hint: "run the same command again",
        exit: EXIT.partial,
      }),
    );
  }

  #remove({ path, files }: Remove): void {
    const at = this.#path(path);
    rmSync(osPath(at), { force: true, recursive: files !== undefined || isDirectory(at) });
    this.#touched.add(dirname(at));
  }

  #insertRows({ files, own_home }: InsertRows): void {
    const { inserted, renumbered } = this.#rows("insert").insert(files.map(this.#path), own_home);
    this.#inserted += inserted;
    this.#renumbered += renumbered;
  }

  #removeRows({ sessions, keep }: RemoveRows): void {
    const dir = this.#path("trash:");
    const write = (ids: readonly string[], lines: Iterable<string>): void =>
      writeRemovedRows({ dir, run: this.#journal.run, home_id: this.#journal.home_id, ids, lines });
    const { removed, reasons } = this.#rows("remove").remove!(sessions, keep ? write : undefined);
    this.#removed.push(...removed);
    for (const [id, reason] of reasons) this.#reasons.set(id, reason);
  }

  #rows(what: "insert" | "remove"): NonNullable<JournalHome["rows"]> {
    const { rows, place, runtime } = this.#home;
    if (rows?.[what]) return rows;
    throw new ToolError({
      code: "E_CANNOT",
      message: `${place} is a home of ${runtime}, whose rows cannot be changed`,
      exit: 4,
    });
  }
}

const takesOut = (step: Step): boolean =>
  (step.do === "move" && step.removes === true) || (step.do === "remove" && step.files !== undefined);

const isDirectory = (path: string): boolean =>
  lstatSync(osPath(path), { throwIfNoEntry: false })?.isDirectory() === true;

function syncNames(dir: string): void {
  try {
    fsyncDir(dir);
  } catch (error) {
    throw toFileError(dir, "sync", error);
  }
}

/** Makes a directory of the toolkit's own, and those above it, below the home; durable when it returns. */
export function makeOwnDirectory(root: string, path: string): void {
  let at = root;
  for (const part of path.slice(root.length + 1).split("/")) {
    at = joinPath(at, part);
    try {
      mkdirSync(osPath(at), { mode: 0o700 });
      fsyncDir(dirname(at));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw toFileError(at, "make", error);
    }
  }
}
