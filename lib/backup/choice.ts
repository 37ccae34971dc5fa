// Which paths of a home are taken, and why the others are not: asked along the walk, database before its WAL.
import { belowRoot, type Found, type WalkOptions } from "../files/walk.ts";
import { EXIT, placeError, ToolError } from "../records/error.ts";
import type { Deps } from "../records/deps.ts";
import type { HomeCut, ReadFile } from "../sources/home-cut.ts";
import type { Classified, Root, Source } from "../sources/source.ts";
import { notTaken } from "./classes.ts";
import { LeftOutPaths } from "./left-out.ts";

export interface ChoiceParts {
  readonly source: Pick<Source, "classify">;
  readonly classes: ReadonlySet<string>;
  readonly cut: HomeCut | undefined;
  readonly deps: Pick<Deps, "log">;
}

/** A path that is taken. */
export interface Chosen {
  readonly root: Root;
  readonly found: Found;
  readonly of: Classified;
}

/** How the database met last was copied. */
interface CopiedNow {
  readonly path: string;
  readonly copied: string;
  readonly walBytes: number;
  readonly late?: boolean | undefined;
}

export class Choice {
  readonly leftOut = new LeftOutPaths();
  readonly cut: HomeCut | undefined;
  #parts: ChoiceParts;
  #enters = true;
  /** The database met last: its `-wal` follows it. */
  #database: CopiedNow | undefined;
  /** Databases that moved on after the cut: what belongs to them is taken as it is now. */
  #late = new Set<string>();

  constructor(parts: ChoiceParts) {
    this.#parts = parts;
    this.cut = parts.cut;
  }

  /** The walk of a root on which `take` is asked for every path. */
  walking(root: Root): WalkOptions {
    return {
      enter: () => this.#enters,
      unreadable: (path, error) => this.unreadable(root, path, error),
      ...(root.only && { only: root.only }),
    };
  }

  /** What a path is; undefined when it is not taken: then its reason is noted, and nothing below it is met. */
  take(root: Root, found: Found): Classified | undefined {
    const of = this.#parts.source.classify(root.name, found.path, found.type);
    const reason = this.#against(root, found, of);
    this.#enters = reason === undefined;
    if (reason === undefined) return of;
    if (reason !== "") this.leftOut.add(root, found, of.class, reason);
    return undefined;
  }

  /** Tells how a database was copied, before its `-wal` is met. */
  met(database: CopiedNow): void {
    this.#database = database;
    if (database.late) this.#late.add(directoryOf(database.path));
  }

  /** Bytes of the WAL that belong to the database met last. */
  get walBytes(): number {
    return this.#database?.walBytes ?? 0;
  }

  /** What was read of a file at the cut, unless its session has moved on. */
  noted(root: Root, { path }: Found): ReadFile | undefined {
    if (root.name !== "home") return undefined;
    const noted = this.cut?.files.get(path);
    return noted && !this.#late.has(directoryOf(path)) ? noted : undefined;
  }

  /** It could not be read in one piece: said, and left to the next run. */
  moved({ root, found, of }: Chosen): void {
    const path = belowRoot(root.dir, found.path);
    this.leftOut.add(root, found, of.class, "it vanished or changed each time it was read");
    this.#parts.deps.log.problem(
      new ToolError({
        code: "E_MOVING",
        message: `${path} vanished or changed each time it was read`,
        hint: "the next run takes it",
        exit: EXIT.partial,
      }),
    );
  }

  /** A failed read is the path's trouble, not the run's; whatever else was thrown is thrown again. */
  failed({ root, found, of }: Chosen, error: unknown): void {
    if (error instanceof ToolError && error.code === "E_JOURNAL") {
      this.leftOut.add(root, found, of.class, "the journal beside it cannot be rolled back");
      return this.#parts.deps.log.problem(error);
    }
    const { code, syscall } = error as NodeJS.ErrnoException;
    if (error instanceof ToolError || code === undefined || syscall === undefined) throw error;
    this.unreadable(root, found.path, error as NodeJS.ErrnoException);
  }

  unreadable(root: Root, path: string, { code }: NodeJS.ErrnoException): void {
    const { class: of } = this.#parts.source.classify(root.name, path, "file");
    this.leftOut.all.push({ root: root.name, path, class: of, reason: `could not be read: ${code}` });
    const { message, hint } = placeError(
      "E_UNREADABLE",
      `cannot read ${belowRoot(root.dir, path)}: ${code}`,
      "ls -ld it",
    );
    this.#parts.deps.log.problem(new ToolError({ code: "E_UNREADABLE", message, hint, exit: EXIT.partial }));
  }

  /** Why a path is not taken; "" when another line holds it; undefined when it is. */
  #against(root: Root, found: Found, of: Classified): string | undefined {
    if (of.never !== undefined) return of.never;
    if (!this.#isWanted(root, found, of)) return notTaken(of.class);
    if (found.type === "file" && found.path.endsWith(".db-wal")) {
      const wal = this.#againstWal(root, found);
      if (wal !== undefined) return wal;
    }
    if (found.type === "file" && found.path === `${this.#database?.path}-journal`) {
      return "a rollback journal: its database is taken as it was before the transaction";
    }
    return this.cut?.excludes(root.name, found);
  }

  #isWanted(root: Root, found: Found, of: Classified): boolean {
    const { classes } = this.#parts;
    if (classes.has(of.class)) return true;
    // AGH keeps the ledgers within the sessions' directory.
    return root.name === "home" && found.path === "sessions" && classes.has("ledgers");
  }

  /** A WAL belongs to the line of its database. */
  #againstWal(root: Root, found: Found): string | undefined {
    const main = found.path.slice(0, -"-wal".length);
    if (this.#parts.source.classify(root.name, main, "file").database === undefined) return undefined;
    if (found.stat.size === 0n) return "an empty WAL";
    if (this.#database?.path !== main) return undefined;
    if (this.#database.copied === "pair") return "";
    return this.#database.copied === "online" ? "its rows are in the copy of its database" : "written after the cut";
  }
}

const directoryOf = (path: string): string => path.slice(0, path.lastIndexOf("/"));
