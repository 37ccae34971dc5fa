// Which paths of a home a snapshot includes, and why not the others: decided along the walk, a database before its WAL.
import { belowRoot, type WalkEntry, type WalkOptions } from "../../files/walk.ts";
import { asPartial, EXIT, placeError, ToolError } from "../../records/error.ts";
import type { Deps } from "../../records/deps.ts";
import type { HomeCut, ReadFile } from "../../sources/home-cut.ts";
import type { Classification, Root, Source } from "../../sources/source.ts";
import { notTaken } from "../classes.ts";
import { LeftOutPaths } from "./left-out-paths.ts";

export interface PathFilterOptions {
  readonly source: Pick<Source, "classify">;
  readonly classes: ReadonlySet<string>;
  readonly cut: HomeCut | undefined;
  /** Names of what is known to be missing. */
  readonly acceptMissing?: readonly string[] | undefined;
  readonly deps: Pick<Deps, "log">;
}

/** A path that is taken. */
export interface SelectedPath {
  readonly root: Root;
  readonly found: WalkEntry;
  readonly of: Classification;
}

/** How the database met last was copied. */
interface CopiedDatabase {
  readonly path: string;
  readonly copied: string;
  readonly walBytes: number;
  readonly late?: boolean | undefined;
}

export class PathFilter {
  readonly leftOut: LeftOutPaths;
  readonly cut: HomeCut | undefined;
  #parts: PathFilterOptions;
  #enters = true;
  /** The database met last: its `-wal` follows it. */
  #database: CopiedDatabase | undefined;
  /** Databases that moved on after the cut: what belongs to them is taken as it is now. */
  #late = new Set<string>();

  constructor(parts: PathFilterOptions) {
    this.#parts = parts;
    this.cut = parts.cut;
    this.leftOut = new LeftOutPaths(parts.acceptMissing);
  }

  /** The options of a walk of a root in which `select` is called for every path. */
  walkOptions(root: Root): WalkOptions {
    return {
      enter: () => this.#enters,
      unreadable: (path, error) => this.recordUnreadable(root, path, error),
      ...(root.only && { only: root.only }),
    };
  }

  /** What a path is; undefined when it is not taken: then its reason is noted, and nothing below it is met. */
  select(root: Root, found: WalkEntry): Classification | undefined {
    const of = this.#parts.source.classify(root.name, found.path, found.type);
    const byRule = this.#exclusionReason(root, found, of);
    const reason = byRule ?? this.cut?.excludes(root.name, found);
    this.#enters = reason === undefined;
    if (reason === undefined) return of;
    if (reason !== "") this.leftOut.add(root, found, of.class, reason, { isLate: byRule === undefined });
    return undefined;
  }

  /** Records how a database was copied, before the walk reaches its `-wal`. */
  recordDatabase(database: CopiedDatabase): void {
    this.#database = database;
    if (database.late) this.#late.add(directoryOf(database.path));
  }

  /** Bytes of the WAL that belong to the database met last. */
  get walBytes(): number {
    return this.#database?.walBytes ?? 0;
  }

  /** What was read of a file at the cut, unless its session has moved on. */
  fileAtCut(root: Root, { path }: WalkEntry): ReadFile | undefined {
    if (root.name !== "home") return undefined;
    const file = this.cut?.files.get(path);
    return file && !this.#late.has(directoryOf(path)) ? file : undefined;
  }

  /** It could not be read in one piece: reported, and left to the next run. */
  recordChanging({ root, found, of }: SelectedPath): void {
    const path = belowRoot(root.dir, found.path);
    const reason = "vanished or changed each time it was read";
    if (!this.leftOut.addMissing(root, found.path, of.class, { code: "CHANGED_WHILE_READ", reason })) return;
    this.#parts.deps.log.problem(
      new ToolError({
        code: "E_MOVING",
        message: `${path} ${reason}`,
        hint: "the next run includes it",
        exit: EXIT.partial,
      }),
    );
  }

  /** A failed read concerns the path, not the run; any other error is thrown again. */
  recordFailure({ root, found, of }: SelectedPath, error: unknown): void {
    if (error instanceof ToolError && error.code === "E_JOURNAL") {
      const absence = { code: "JOURNAL", reason: "has a rollback journal that cannot be rolled back" };
      if (!this.leftOut.addMissing(root, found.path, of.class, absence)) return;
      return this.#parts.deps.log.problem(error);
    }
    const { code, syscall } = error as NodeJS.ErrnoException;
    if (error instanceof ToolError || code === undefined || syscall === undefined) throw error;
    this.recordUnreadable(root, found.path, error as NodeJS.ErrnoException);
  }

  recordUnreadable(root: Root, path: string, { code }: NodeJS.ErrnoException): void {
    const place = this.#parts.source.classify(root.name, path, "file");
    const { class: of, never } = place;
    const byRule = never ?? (this.#isIncluded(place) ? undefined : notTaken(of));
    if (byRule !== undefined) return void this.leftOut.all.push({ root: root.name, path, class: of, reason: byRule });
    const absence = { code: "UNREADABLE", reason: `could not be read: ${code}` };
    if (!this.leftOut.addMissing(root, path, of, absence)) return;
    const message = `could not read ${belowRoot(root.dir, path)}: ${code}`;
    this.#parts.deps.log.problem(asPartial(placeError("E_UNREADABLE", message, "ls -ld it")));
  }

  /** Why a path is not taken; "" when another line holds it; undefined when it is. */
  #exclusionReason(root: Root, found: WalkEntry, of: Classification): string | undefined {
    if (of.never !== undefined) return of.never;
    if (!this.#isIncluded(of)) return notTaken(of.class);
    if (found.type === "file" && found.path.endsWith(".db-wal")) {
      const wal = this.#walExclusionReason(root, found);
      if (wal !== undefined) return wal;
    }
    if (found.type === "file" && found.path === `${this.#database?.path}-journal`) {
      return "a rollback journal: its database is stored as it was before the transaction";
    }
    return undefined;
  }

  #isIncluded({ class: of, holds }: Classification): boolean {
    const { classes } = this.#parts;
    return classes.has(of) || (holds !== undefined && classes.has(holds));
  }

  /** A WAL belongs to the line of its database. */
  #walExclusionReason(root: Root, found: WalkEntry): string | undefined {
    const main = found.path.slice(0, -"-wal".length);
    if (this.#parts.source.classify(root.name, main, "file").database === undefined) return undefined;
    if (found.stat.size === 0n) return "an empty WAL";
    if (this.#database?.path !== main) return undefined;
    if (this.#database.copied === "pair") return "";
    return this.#database.copied === "online" ? "its rows are in the copy of its database" : "written after the cut";
  }
}

const directoryOf = (path: string): string => path.slice(0, path.lastIndexOf("/"));
