// One change to a home: staged beside it, journaled, done, and kept where it can be undone.
import { lstatSync, mkdirSync } from "node:fs";
import { asOwner } from "../files/as-owner.ts";
import { hashFile } from "../files/hash-file.ts";
import { toFileError } from "../files/errors.ts";
import { joinPath, osPath } from "../files/os-path.ts";
import { scratchDir, type Scratch } from "../files/scratch.ts";
import { syncTree } from "../files/sync-tree.ts";
import { executeSteps, makeOwnDirectory, type Done } from "./execute.ts";
import { JOURNAL_FORMAT, type Journal } from "./format.ts";
import { claimIdentity } from "./identity.ts";
import type { JournalHome } from "./journal-home.ts";
import {
  assertNoLinksIn,
  assertNoLinkTaken,
  locate,
  resolveLocation,
  rootsOf,
  runDir,
  type Roots,
} from "./locations.ts";
import { assertMovable } from "./movable.ts";
import { closeRun, assertOwnState, removeRun, writeJournal } from "./runs.ts";
import { look, stampOf } from "./stamps.ts";
import type { Location, RowChange, Seen, Step } from "./steps.ts";
import { transferTree } from "./transfer.ts";

export interface Commit {
  readonly steps: readonly Step[];
  /** It can be undone later. */
  readonly keep?: boolean;
  readonly times?: Journal["times"];
  readonly rows?: readonly RowChange[];
}

/** Begun with the home's lock, when killed runs have been recovered. Without a commit nothing of it is left. */
export class Run implements Disposable {
  readonly run: string;
  /** Where files are staged: `run:` in locations. */
  readonly staging: string;
  readonly #home: JournalHome;
  readonly #tool: string;
  readonly #roots: Roots;
  readonly #scratch: Scratch | undefined;
  #isCommitted = false;

  private constructor(home: JournalHome, tool: string, run: string, scratch: Scratch | undefined) {
    this.#home = home;
    this.#tool = tool;
    this.run = run;
    this.#scratch = scratch;
    // What root stages for another user lies where that user cannot reach it, until it is copied as that user.
    this.staging = scratch?.fresh() ?? runDir(home.root, run);
    this.#roots = rootsOf(home, run, this.staging);
  }

  /** `tool`: command and verb; `run`: a ULID. */
  static begin(home: JournalHome, tool: string, run: string): Run {
    assertOwnState(home.root);
    asOwner(home.owner, () => makeOwnDirectory(home.root, runDir(home.root, run)));
    return new Run(home, tool, run, home.owner && scratchDir(home.env));
  }

  /** A path below a root of the home, or below `staging`, as a location. */
  locate(path: string): Location {
    return locate(this.#roots, path);
  }

  /** The path of a location here: of `run:` where it is staged. */
  resolve(location: Location): string {
    return resolveLocation(this.#roots, location);
  }

  /** What lies at a path now, for the step that moves or removes it. */
  seen(path: string): Seen {
    const seen = look(path);
    if (!seen) throw toFileError(path, "read", Object.assign(new Error("gone"), { code: "ENOENT", syscall: "lstat" }));
    return seen;
  }

  /** A directory of the staging area, made if missing. */
  directory(path: string): string {
    const dir = joinPath(this.staging, path);
    try {
      mkdirSync(osPath(dir), { recursive: true, mode: 0o700 });
    } catch (error) {
      throw toFileError(dir, "make", error);
    }
    return dir;
  }

  /** Journals the steps and does them. Durable when it returns; from here on a killed run is finished by whoever comes next. */
  commit({ steps, keep = false, times, rows }: Commit): Done {
    const home = this.#home;
    this.#settle();
    const journal: Journal = {
      format: JOURNAL_FORMAT,
      run: this.run,
      tool: this.#tool,
      home: asOwner(home.owner, () => claimIdentity(home)).id,
      home_id: home.id,
      direction: "forward",
      keep,
      steps: this.#completed(steps),
      ...(rows && { rows }),
      ...(times && { times }),
    };
    const roots = rootsOf(home, this.run);
    assertNoLinksIn(journal.steps, roots);
    assertNoLinkTaken(journal.steps, roots);
    assertMovable(journal.steps, roots);
    asOwner(home.owner, () => writeJournal(home.root, journal));
    this.#isCommitted = true;
    const done = this.#execute(journal);
    asOwner(home.owner, () => closeRun(home.root, journal));
    return done;
  }

  /** A change of rows that fails has changed nothing: where it comes first, nothing of the run is left to be finished. */
  #execute(journal: Journal): Done {
    let hasBegun = false;
    try {
      return executeSteps(this.#home, journal, { onBegun: () => (hasBegun = true) });
    } catch (error) {
      this.#isCommitted = hasBegun || !isTransaction(journal.steps[0]);
      throw error;
    }
  }

  /** Durable, and where the steps look for it. */
  #settle(): void {
    const dir = runDir(this.#home.root, this.run);
    try {
      if (this.#scratch) transferTree(this.staging, dir, this.#home.owner);
      syncTree(dir);
    } catch (error) {
      throw toFileError(dir, "write below", error);
    }
  }

  /** Swaps with the stamp of what is staged, and the digest of what is kept: of a path that changes twice, of what the first one put there. */
  #completed(steps: readonly Step[]): Step[] {
    const roots = rootsOf(this.#home, this.run);
    const before = new Map<Location, string>();
    return steps.map((step) => {
      if (step.do !== "swap") return step;
      const first = before.get(step.path);
      const staged = step.staged === undefined ? undefined : resolveLocation(roots, step.staged);
      if (staged !== undefined) before.set(step.path, staged);
      const from = first === undefined ? step.from : stampOf(first);
      const isKept = step.kept !== undefined && from !== null;
      const sha256 = isKept ? fileDigest(first ?? resolveLocation(roots, step.path)) : undefined;
      return {
        ...step,
        from,
        ...(staged !== undefined && { to: stampOf(staged) }),
        ...(sha256 !== undefined && { sha256 }),
      };
    });
  }

  [Symbol.dispose](): void {
    this.#scratch?.[Symbol.dispose]();
    if (this.#isCommitted) return;
    try {
      asOwner(this.#home.owner, () => removeRun(this.#home.root, this.run));
    } catch {
      // A full or failing disk: what brought us here is told, and the next run removes what is left.
    }
  }
}

const isTransaction = (step: Step | undefined): boolean => step?.do === "insert-rows" || step?.do === "remove-rows";

const fileDigest = (path: string): string | undefined =>
  lstatSync(osPath(path), { throwIfNoEntry: false })?.isFile() ? hashFile(path) : undefined;
