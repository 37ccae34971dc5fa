// Which paths of a home a snapshot includes, and why not the others: decided along the walk, a database before its WAL.
import { belowRoot, type WalkEntry, type WalkOptions } from "../../files/walk.ts";
import type { DatabaseLine } from "../../formats/repository/listing.ts";
import { asPartial, EXIT, placeError, ToolError } from "../../records/error.ts";
import type { Deps } from "../../records/deps.ts";
import type { HomeCut, ReadFile } from "../../sources/home-cut.ts";
import type { SecretTables } from "../../sources/classes.ts";
import type { Classification, Root, Source } from "../../sources/source.ts";
import { isDatabaseFile, isWalFile } from "../../sqlite/read/is-database.ts";
import { notTaken } from "../classes.ts";
import { LeftOutPaths } from "./left-out-paths.ts";
import { readPartialDirectory, type PartialDirectory } from "./partial-directory.ts";

export interface PathFilterOptions {
  readonly source: Pick<Source, "classify" | "defaultClasses">;
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

/** How a database was copied. */
interface CopiedDatabase {
  readonly copied: DatabaseLine["copied"];
  readonly walBytes: number;
  readonly late?: boolean | undefined;
  /** Of a rewritten copy: the tables that are empty in it. */
  readonly without?: readonly string[] | undefined;
}

/** Something wrong that was taken all the same. */
export interface PathFinding {
  readonly code: string;
  /** Absolute. */
  readonly path: string;
  readonly message: string;
}

export class PathFilter {
  readonly leftOut = new LeftOutPaths();
  readonly findings: PathFinding[] = [];
  /** Bytes of the WAL that belong to the database met last. */
  walBytes = 0;
  readonly cut: HomeCut | undefined;
  #parts: PathFilterOptions;
  #enters = true;
  /** The directory met last of which only a part is taken. */
  #partial: PartialDirectory | undefined;
  /** How those were copied that have sidecars, which the walk meets after them. */
  #databases = new Map<string, DatabaseLine["copied"] | "failed">();
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
      ...(root.only && { only: root.only }),
    };
  }

  /** What a path is; undefined when it is not taken: then its reason is noted, and nothing below it is met. */
  select(root: Root, found: WalkEntry): Classification | undefined {
    const of = this.#parts.source.classify(root.name, found.path, found.type);
    const isLeft = this.#isInPartial(root, found, of);
    const reason = isLeft ? "" : this.#exclusionReason(root, found, of);
    this.#enters = reason === undefined;
    if (reason === undefined) return of;
    if (reason !== "") this.leftOut.add(root, found, of.class, reason);
    return undefined;
  }

  /** Whether a directory is taken for its own sake, and not for what another class has below it. */
  isWhole({ class: of }: Classification): boolean {
    return this.#parts.classes.has(of);
  }

  /** Whether a path is left out, and counted already, in a directory of which only a part is taken. */
  #isInPartial(root: Root, found: WalkEntry, of: Classification): boolean {
    const isDirectory = found.type === "directory";
    if (this.#partial?.covers(root, found.path)) {
      return isDirectory ? !this.#partial.entered.has(found.path) : !this.#isIncluded(of);
    }
    if (!isDirectory || of.never !== undefined || this.isWhole(of) || !this.#isIncluded(of)) return false;
    this.#partial = readPartialDirectory(root, found.path, {
      classify: (path, type) => this.#parts.source.classify(root.name, path, type),
      isIncluded: (one) => this.#isIncluded(one),
    });
    for (const [name, sum] of this.#partial.left) {
      this.leftOut.all.push({ root: root.name, path: found.path, class: name, reason: this.#notTaken(name), ...sum });
    }
    return !this.#partial.entered.has(found.path);
  }

  /** Whether a path is a database: by its name, by what the parent has of it, or by its first bytes. */
  isDatabase({ root, found, of }: SelectedPath, wasDatabase: boolean): boolean {
    if (found.type !== "file" || of.class === "evidence") return false;
    if (of.database !== undefined || wasDatabase) return true;
    if (found.stat.size === 0n) return false;
    return this.secretsOf(of)?.always === true || isDatabaseFile(belowRoot(root.dir, found.path));
  }

  /** What of a database is not to be copied. */
  secretsOf({ secrets }: Classification): SecretTables | undefined {
    return secrets && !this.#parts.classes.has(secrets.class) ? secrets : undefined;
  }

  /** Records how a database was copied, before the walk reaches its sidecars. */
  recordDatabase({ root, found, of }: SelectedPath, { copied, walBytes, late, without = [] }: CopiedDatabase): void {
    this.walBytes = walBytes;
    // SQLite takes an empty file for a new database, and removes the WAL of another one beside it.
    if (found.stat.size > 0n) this.#recordSidecars(root, found, copied);
    if (late) this.#late.add(directoryOf(found.path));
    if (without.length === 0) return;
    const rows = `the rows of its ${without.length === 1 ? "table" : "tables"} ${without.join(", ")}`;
    const reason = `${rows}: ${this.#notTaken(of.secrets!.class)}`;
    this.leftOut.all.push({ root: root.name, path: found.path, class: of.secrets!.class, reason, tables: without });
  }

  #recordSidecars(root: Root, { path, siblings }: WalkEntry, copied: DatabaseLine["copied"] | "failed"): void {
    const name = path.slice(path.lastIndexOf("/") + 1);
    if (SIDECARS.some((suffix) => siblings.includes(name + suffix))) this.#databases.set(keyOf(root, path), copied);
  }

  /** The end of a transcript whose last line was not whole. */
  recordTail({ root, found, of }: SelectedPath, bytes: number): void {
    const reason = "its last line is not finished; the next run includes it";
    this.leftOut.all.push({ root: root.name, path: found.path, class: of.class, reason, bytes });
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
    this.#recordSidecars(root, found, "failed");
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
    this.#recordSidecars(root, found, "failed");
    const reason = error instanceof ToolError ? FAILURES[error.code] : undefined;
    if (reason !== undefined) {
      this.leftOut.all.push({ root: root.name, path: found.path, class: of.class, reason, missing: true });
      return this.#parts.deps.log.problem(error as ToolError);
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

  /** Why a path is not taken; "" when another line holds it; undefined when it is. */
  #exclusionReason(root: Root, found: WalkEntry, of: Classification): string | undefined {
    if (of.never !== undefined) return of.never;
    if (!this.#isIncluded(of)) return this.#notTaken(of.class);
    const sidecar = found.type === "file" ? SIDECAR.exec(found.path) : null;
    const reason = sidecar ? this.#sidecarReason(root, found, of, sidecar[1] as "wal" | "shm" | "journal") : undefined;
    return reason ?? this.cut?.excludes(root.name, found);
  }

  #isIncluded({ class: of, holds = [] }: Classification): boolean {
    const { classes } = this.#parts;
    return classes.has(of) || (typeof holds === "string" ? [holds] : holds).some((name) => classes.has(name));
  }

  #notTaken(of: string): string {
    return notTaken(of, this.#parts.source);
  }

  /** What lies beside a database belongs to the line of it; without one it is a file like any other. */
  #sidecarReason(
    root: Root,
    found: WalkEntry,
    of: Classification,
    kind: "wal" | "shm" | "journal",
  ): string | undefined {
    const main = found.path.slice(0, -kind.length - 1);
    const copied = this.#databases.get(keyOf(root, main));
    const isNamed = this.#parts.source.classify(root.name, main, "file").database !== undefined;
    if (kind === "wal" && found.stat.size === 0n && (copied || isNamed)) return "an empty WAL";
    if (copied === "failed") return "its database could not be copied";
    if (copied && kind === "shm") return "an index of a WAL that SQLite makes anew";
    if (copied && kind === "journal")
      return "a rollback journal: its database is stored as it was before the transaction";
    if (copied) return WAL_REASONS[copied];
    if (kind === "wal" && of.class !== "evidence" && isWalFile(belowRoot(root.dir, found.path))) {
      this.#recordLoneWal(belowRoot(root.dir, found.path), belowRoot(root.dir, main));
    }
    const secrets = this.secretsOf(of);
    return secrets && this.#notTaken(secrets.class);
  }

  #recordLoneWal(path: string, main: string): void {
    const message = `${path} is the WAL of a database that is not there: ${main} is missing, empty or no database`;
    this.findings.push({ code: "WAL_WITHOUT_DATABASE", path, message });
    const hint = `agh-reconcile salvage, or restore ${main} from an earlier snapshot`;
    this.#parts.deps.log.problem(asPartial(placeError("E_WAL_WITHOUT_DATABASE", message, hint)));
  }
}

const SIDECARS = ["-wal", "-shm", "-journal"];
const SIDECAR = /-(wal|shm|journal)$/;

/** Why the WAL of a copied database has no line of its own; "" where it is in that of the database. */
const WAL_REASONS: { readonly [copied in DatabaseLine["copied"]]: string } = {
  pair: "",
  online: "its rows are in the copy of its database",
  rewritten: "its rows are in the copy of its database",
  resting: "written after the cut",
};

/** Failures that concern one path. */
const FAILURES: { readonly [code: string]: string | undefined } = {
  E_JOURNAL: "its rollback journal cannot be rolled back",
  E_NOT_REWRITTEN: "it cannot be copied without the logins in it",
};

const keyOf = (root: Root, path: string): string => `${root.name}\0${path}`;

const directoryOf = (path: string): string => path.slice(0, path.lastIndexOf("/"));
