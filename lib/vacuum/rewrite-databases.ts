// Rewrites databases one after another: made beside, held against the old ones, swapped in together; each killed in between is old or new.
import { copyFileSync, existsSync, lstatSync, rmSync, statfsSync, statSync, type Stats } from "node:fs";
import { dirname } from "node:path";
import { asOwner } from "../files/as-owner.ts";
import { hashFile } from "../files/hash-file.ts";
import { joinPath, osPath } from "../files/os-path.ts";
import { isSameMount, mountWithin } from "../files/mounts.ts";
import { readLocks } from "../files/proc-locks.ts";
import { scratchDir, type Scratch } from "../files/scratch.ts";
import { toFileError } from "../files/errors.ts";
import { ulid } from "../formats/ulid.ts";
import type { JournalHome } from "../journal/journal-home.ts";
import { runDir } from "../journal/locations.ts";
import { Run } from "../journal/run.ts";
import type { Deps } from "../records/deps.ts";
import { EXIT, placeError, ToolError } from "../records/error.ts";
import type { Action } from "../records/result-kinds.ts";
import { noteCut, type Cut } from "../sqlite/copy/cut.ts";
import { checkpointWal } from "../sqlite/change/checkpoint.ts";
import { walOwners } from "../sqlite/wal-owners.ts";
import { pause } from "../sqlite/pause.ts";
import { busy } from "../sqlite/errors.ts";
import { asDone, asSkipped, type RemovalOutcome, type RemovalContext } from "./removal-types.ts";
import { assertFreeSpace, replaceAll, type RewrittenDatabase } from "./replace-files.ts";

/** One database that is to be rewritten, judged again just now. */
export interface RewriteTask {
  readonly path: string;
  /** Bytes that the new file will have, about. */
  readonly keeps: number;
  /** Where it is made; beside unless given. */
  readonly workDir?: string | undefined;
  /** Whether there still is something to do when the WAL was folded in, which needs next to no room; yes unless given. */
  isNeeded?(file: string): boolean;
  /** Writes the new file, and says what is wrong with it; facts go into the action. */
  make(file: string, out: string): RewriteResult;
  /** The time that the new file gets; that of the old one unless given. */
  mtime?(out: string): number;
}

export type RewriteResult = { readonly wrong: string } | { readonly facts: { readonly [name: string]: unknown } };

type PrepareRewrite = (action: Action) => Promise<RewriteTask | { readonly refused: string }>;

/** What is swapped in, and synced, together. */
const MOST = { files: 64, bytes: 64 << 20 };
const TOOL = "agh-vacuum compact";
/** Over what a new file is expected to have. */
const MARGIN = 1 << 16;

/** The daemon and our own other runs are kept out meanwhile. */
export async function* rewriteAll(
  actions: readonly Action[],
  within: RemovalContext,
  prepare: PrepareRewrite,
): AsyncGenerator<RemovalOutcome> {
  const { journal, deps } = within;
  using staging = new StagingArea(journal, deps);
  let ready: RewrittenDatabase[] = [];
  function* swap(): Generator<RemovalOutcome> {
    const now = ready;
    ready = [];
    if (now.length === 0) return;
    const { outcomes, failure } = asOwner(journal.owner, () => replaceAll(now, staging.dir));
    yield* outcomes;
    if (failure) throw failure.error;
  }
  for (const [at, action] of actions.entries()) {
    deps.signal.throwIfAborted();
    deps.progress.update({ label: "databases rewritten", done: at, total: actions.length, unit: "items" });
    const prepared = await prepare(action);
    if ("refused" in prepared) {
      yield { action: asSkipped(action, prepared.refused) };
      continue;
    }
    const make = (): Attempt => asOwner(journal.owner, () => attempt(action, prepared, staging, deps));
    let made = make();
    if ("full" in made && ready.length > 0) {
      yield* swap(); // which frees what this one may need
      made = make();
    }
    if ("full" in made) throw made.full;
    if ("outcome" in made) yield made.outcome;
    else ready.push(made.rewritten);
    if (isEnough(ready, staging)) yield* swap();
  }
  yield* swap();
}

function isEnough(ready: readonly RewrittenDatabase[], staging: StagingArea): boolean {
  if (ready.length === 0) return false;
  const bytes = ready.reduce((sum, { before }) => sum + before, 0);
  return ready.length >= MOST.files || bytes >= MOST.bytes || staging.isLow;
}

type Attempt =
  | { readonly full: ToolError }
  | { readonly outcome: RemovalOutcome }
  | { readonly rewritten: RewrittenDatabase };

/** What stops all of it is thrown; what is wrong with this one alone is its outcome. */
function attempt(action: Action, ready: RewriteTask, staging: StagingArea, deps: Deps): Attempt {
  try {
    return rewriteDatabase(action, ready, staging, deps);
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    if (error.code === "E_NO_SPACE") return { full: error };
    if (!OF_ONE.has(error.code)) throw error;
    return { outcome: { action: { ...action, state: "failed", error: error.message }, exit: error.exit } };
  }
}

const OF_ONE: ReadonlySet<string> = new Set(
  "E_BUSY E_CORRUPT E_COPY_DIFFERS E_EMPTY_DATABASE E_FOREIGN_DATABASE E_NOT_A_DATABASE E_NO_DATABASE E_OTHER_DEVICE E_UNREADABLE".split(
    " ",
  ),
);

const SIDECARS = ["-wal", "-shm", "-journal"];

function rewriteDatabase(action: Action, ready: RewriteTask, staging: StagingArea, deps: Deps): Attempt {
  const { path, keeps } = ready;
  const old = lstatSync(osPath(path));
  const against = reasonAgainst(path, old);
  if (against !== undefined) return { outcome: { action: asSkipped(action, against) } };
  const before = old.size + sizeOf(`${path}-wal`);
  // In place, by SQLite's own hand: a WAL that stayed behind would be taken for the new file's.
  if (SIDECARS.some((suffix) => existsSync(osPath(path + suffix)))) checkpointWal(path);
  if (ready.isNeeded?.(path) === false) {
    return { outcome: { action: asDone(action, Math.max(0, before - sizeOf(path))) } };
  }
  const cut = waitUntilSettled(path, deps);
  const out = staging.fresh(path, ready.workDir);
  try {
    assertFreeSpace(dirname(out), keeps + MARGIN);
    const made = ready.make(path, out);
    if ("wrong" in made)
      throw placeError("E_COPY_DIFFERS", `${path} was left as it is: ${made.wrong}`, "agh-reconcile check");
    const file = staging.copyToHome(out, path);
    const mtime = ready.mtime?.(file) ?? old.mtimeMs;
    return { rewritten: { action: { ...action, ...made.facts }, path, cut, file, before, mtime } };
  } catch (error) {
    staging.discard(out);
    throw error;
  }
}

function reasonAgainst(path: string, stat: Stats): string | undefined {
  if (!stat.isFile()) return "it is a symbolic link: the file that it names is not the home's own";
  if (mountWithin(path)) return "it is a mount point: no other file can take its place";
  if (stat.nlink > 1) return "it has another name (a hard link), under which the old bytes would stay";
  const owners = walOwners(path, readLocks());
  if (owners === undefined) return "it may be open in a process: this system does not show which";
  return owners.length > 0 ? `it is open in process ${owners.join(", ")}` : undefined;
}

const sizeOf = (file: string): number => statSync(osPath(file), { throwIfNoEntry: false })?.size ?? 0;

const TRIES = 50;

/** What was changed within the kernel's tick cannot be told from what is being changed. */
function waitUntilSettled(path: string, { signal }: Pick<Deps, "signal">): Cut {
  for (let tries = 1; tries <= TRIES; tries++) {
    const cut = noteCut(path);
    if (!cut.fresh && !cut.wal && !cut.journal) return cut;
    pause(20, signal);
  }
  throw busy(`${path} is written to all the time, without AGH's daemon`);
}

/**
 * Where new files are made: on the file system of the old ones, or first in a directory that was named. In the home it is the directory of
 * a run that is never committed: any later change to the home takes away what a killed one leaves there.
 */
class StagingArea implements Disposable {
  readonly dir: string;
  readonly #journal: JournalHome;
  readonly #name: string;
  readonly #own = new Map<string, Scratch>();
  #run: Run | undefined;
  #count = 0;

  constructor(journal: JournalHome, deps: Pick<Deps, "now">) {
    this.#journal = journal;
    this.#name = ulid(deps.now());
    this.dir = runDir(journal.root, this.#name);
  }

  get isLow(): boolean {
    const { bavail, bsize } = statfsSync(osPath(this.#journal.root) as string);
    return bavail * bsize < MOST.bytes;
  }

  fresh(path: string, workDir: string | undefined): string {
    return joinPath(workDir === undefined ? this.#beside(path) : this.#in(workDir), `${++this.#count}.db`);
  }

  #beside(path: string): string {
    this.#run ??= Run.begin({ ...this.#journal, owner: undefined }, TOOL, this.#name); // we are the owner already
    if (isSameMount(this.dir, path)) return this.dir;
    throw new ToolError({
      code: "E_OTHER_DEVICE",
      message: `${path} is on another mount than its home`,
      hint: "name a directory on that mount: --work-dir DIR",
      exit: EXIT.partial,
    });
  }

  #in(workDir: string): string {
    const scratch = this.#own.get(workDir) ?? scratchDir({ TMPDIR: workDir });
    this.#own.set(workDir, scratch);
    return scratch.path;
  }

  /** A rename reaches no other file system: from there it is copied, and read again from where it lies. */
  copyToHome(out: string, path: string): string {
    if (isSameMount(dirname(out), path)) return out;
    const file = joinPath(this.#beside(path), `${++this.#count}.db`);
    assertFreeSpace(this.dir, statSync(osPath(out)).size + MARGIN);
    try {
      copyFileSync(osPath(out), osPath(file));
    } catch (error) {
      throw toFileError(file, "write", error);
    }
    if (hashFile(file) !== hashFile(out))
      throw placeError("E_COPY_DIFFERS", `${file} does not match what was written there`);
    this.discard(out);
    return file;
  }

  /** What cannot go now goes with the rest. */
  discard(out: string): void {
    for (const suffix of ["", ...SIDECARS]) {
      try {
        rmSync(osPath(out + suffix), { force: true });
      } catch {
        // The first error is reported.
      }
    }
  }

  [Symbol.dispose](): void {
    asOwner(this.#journal.owner, () => {
      for (const scratch of this.#own.values()) scratch[Symbol.dispose]();
      this.#run?.[Symbol.dispose]();
    });
  }
}
