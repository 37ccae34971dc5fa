// Which paths of a home a snapshot includes, and why not the others: decided along the walk, a database before its WAL.
import { closeSync } from "node:fs";
import {
  belowRoot,
  openRegularFile,
  type OpenedFile,
  type PathFault,
  type WalkEntry,
  type WalkOptions,
} from "../../files/walk.ts";
import { asPartial, EXIT, placeError, ToolError } from "../../records/error.ts";
import type { Deps } from "../../records/deps.ts";
import type { HomeCut, ReadFile } from "../../sources/home-cut.ts";
import { NOT_A_FILE, type HomeLinks } from "../../sources/links.ts";
import type { Classification, Root, Source } from "../../sources/source.ts";
import { notTaken } from "../classes.ts";
import { LeftOutPaths } from "./left-out-paths.ts";

export interface PathFilterOptions {
  readonly source: Pick<Source, "classify" | "wellKnown">;
  readonly links: HomeLinks;
  readonly classes: ReadonlySet<string>;
  readonly cut: HomeCut | undefined;
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
  /** Its WAL lies beside the file that the link leads to. */
  readonly isLink?: boolean | undefined;
}

export class PathFilter {
  readonly leftOut = new LeftOutPaths();
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
  }

  /** The options of a walk of a root in which `select` is called for every path. */
  walkOptions(root: Root): WalkOptions {
    return {
      enter: () => this.#enters,
      unreadable: (path, error) => this.recordUnreadable(root, path, error),
      links: this.#parts.links,
      ...(root.only && { only: root.only }),
    };
  }

  /** What a path is; undefined when it is not taken: then its reason is noted, and nothing below it is met. */
  select(root: Root, found: WalkEntry): Classification | undefined {
    const fault = found.fault ?? this.#specialFault(root, found);
    if (fault) return this.#leaveOutFault(root, found, fault);
    const of = this.#parts.source.classify(root.name, found.path, found.type);
    const reason = this.#exclusionReason(root, found, of);
    this.#enters = reason === undefined;
    if (reason === undefined) return of;
    if (reason !== "") this.leftOut.add(root, found, of.class, reason);
    return undefined;
  }

  /** Opens what is taken; undefined when it is gone. A fault of what was opened is recorded, and "fault". */
  open({ root, found, of }: SelectedPath): OpenedFile | undefined | "fault" {
    const path = belowRoot(root.dir, found.path);
    const opened = openRegularFile(path, { follow: found.link !== undefined });
    const fault = opened && this.#parts.links.faultOfOpen(opened.fd, root.dir);
    if (!fault) return opened;
    closeSync(opened.fd);
    this.#recordMissing(root, found.path, of.class, fault);
    return "fault";
  }

  /** Whether an open file of a database is the home owner's to read; else it is recorded. */
  isReadable({ root, found, of }: SelectedPath, fds: readonly (number | undefined)[]): boolean {
    for (const fd of fds) {
      const fault = fd === undefined ? undefined : this.#parts.links.faultOfOpen(fd, root.dir);
      if (!fault) continue;
      this.#recordMissing(root, found.path, of.class, fault);
      return false;
    }
    return true;
  }

  /** A root that is to be there and is not. */
  recordMissingRoot(root: Root, fault: PathFault): void {
    const { class: of, never } = this.#parts.source.classify(root.name, "", "missing");
    if (never === undefined && this.#parts.classes.has(of)) this.#recordMissing(root, "", of, fault);
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
    this.leftOut.add(root, found, of.class, "it vanished or changed each time it was read");
    this.#parts.deps.log.problem(
      new ToolError({
        code: "E_MOVING",
        message: `${path} vanished or changed each time it was read`,
        hint: "the next run includes it",
        exit: EXIT.partial,
      }),
    );
  }

  /** A failed read concerns the path, not the run; any other error is thrown again. */
  recordFailure({ root, found, of }: SelectedPath, error: unknown): void {
    if (error instanceof ToolError && error.code === "E_JOURNAL") {
      this.leftOut.add(root, found, of.class, "its rollback journal cannot be rolled back");
      return this.#parts.deps.log.problem(error);
    }
    const { code, syscall } = error as NodeJS.ErrnoException;
    if (error instanceof ToolError || code === undefined || syscall === undefined) throw error;
    this.recordUnreadable(root, found.path, error as NodeJS.ErrnoException);
  }

  recordUnreadable(root: Root, path: string, { code }: NodeJS.ErrnoException): void {
    const { class: of } = this.#parts.source.classify(root.name, path, "file");
    this.leftOut.all.push({ root: root.name, path, class: of, reason: `could not be read: ${code}` });
    const message = `could not read ${belowRoot(root.dir, path)}: ${code}`;
    this.#parts.deps.log.problem(asPartial(placeError("E_UNREADABLE", message, "ls -ld it")));
  }

  /** What by its name is a file that the runtime reads, and is a pipe, a socket or a device. */
  #specialFault(root: Root, { path, type }: WalkEntry): PathFault | undefined {
    if (type === "file" || type === "directory" || type === "symlink") return undefined;
    const { source } = this.#parts;
    const isFile =
      source.classify(root.name, path, "file").database !== undefined ||
      source.wellKnown(root.name).includes(path) ||
      RUNTIME_FILE.test(path);
    return isFile ? NOT_A_FILE(type) : undefined;
  }

  /** What is left out by its class or its name is no finding. */
  #leaveOutFault(root: Root, found: WalkEntry, fault: PathFault): undefined {
    this.#enters = false;
    const of = this.#parts.source.classify(root.name, found.path, "missing");
    const byRule = of.never ?? (this.#isIncluded(of) ? undefined : notTaken(of.class));
    if (byRule === undefined) this.#recordMissing(root, found.path, of.class, fault);
    else this.leftOut.all.push({ root: root.name, path: found.path, class: of.class, reason: byRule });
  }

  #recordMissing(root: Root, path: string, of: string, fault: PathFault): void {
    this.leftOut.addMissing(root, path, of, fault);
    const at = belowRoot(root.dir, path);
    const message = `${at} ${fault.reason}: it is not in the snapshot`;
    this.#parts.deps.log.problem(asPartial(placeError(`E_${fault.code}`, message, `ls -ld ${at}`)));
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
      if (this.#database?.isLink) return BESIDE_LINK;
      return "a rollback journal: its database is stored as it was before the transaction";
    }
    return this.cut?.excludes(root.name, found);
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
    if (this.#database.isLink) return BESIDE_LINK;
    if (this.#database.copied === "pair") return "";
    return this.#database.copied === "online" ? "its rows are in the copy of its database" : "written after the cut";
  }
}

const BESIDE_LINK = "the database is a symbolic link: SQLite reads what lies beside the file that it leads to";

/** Files of sessions, agents and skills that no list names one by one. */
const RUNTIME_FILE =
  /(?:^|\/)(?:meta\.json|ledger\.jsonl|costs\.jsonl|metrics\.json|summary\.json|logs\.jsonl|AGENT\.md|SKILL\.md|mcp\.json)$/;

const directoryOf = (path: string): string => path.slice(0, path.lastIndexOf("/"));
