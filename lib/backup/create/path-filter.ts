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
import type { DatabaseLine } from "../../formats/repository/listing.ts";
import { asPartial, EXIT, placeError, ToolError } from "../../records/error.ts";
import type { Deps } from "../../records/deps.ts";
import type { HomeCut, ReadFile } from "../../sources/home-cut.ts";
import { NOT_A_FILE, type HomeLinks } from "../../sources/links.ts";
import type { SecretTables } from "../../sources/classes.ts";
import type { Classification, Root, Source } from "../../sources/source.ts";
import { isDatabaseFile, isWalFile } from "../../sqlite/read/is-database.ts";
import { notTaken } from "../classes.ts";
import { LeftOutPaths } from "./left-out-paths.ts";
import { CopiedSidecars, SIDECAR, sidecarReason, type SidecarKind } from "./copied-sidecars.ts";
import { readPartialDirectory, type PartialDirectory } from "./partial-directory.ts";

export interface PathFilterOptions {
  readonly source: Pick<Source, "classify" | "defaultClasses" | "wellKnown">;
  readonly links: HomeLinks;
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
  readonly leftOut: LeftOutPaths;
  readonly findings: PathFinding[] = [];
  /** Bytes of the WAL that belong to the database met last. */
  walBytes = 0;
  readonly cut: HomeCut | undefined;
  #parts: PathFilterOptions;
  #enters = true;
  /** The directory met last of which only a part is taken. */
  #partial: PartialDirectory | undefined;
  #sidecars = new CopiedSidecars();
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
      links: this.#parts.links,
      ...(root.only && { only: root.only }),
    };
  }

  /** What a path is; undefined when it is not taken: then its reason is noted, and nothing below it is met. */
  select(root: Root, found: WalkEntry): Classification | undefined {
    const fault = found.fault ?? this.#specialFault(root, found);
    if (fault) return this.#leaveOutFault(root, found, fault);
    const of = this.#parts.source.classify(root.name, found.path, found.type);
    const isLeft = this.#isInPartial(root, found, of);
    const byRule = isLeft ? "" : this.#exclusionReason(root, found, of);
    const reason = byRule ?? this.cut?.excludes(root.name, found);
    this.#enters = reason === undefined;
    if (reason === undefined) return of;
    if (reason !== "") this.leftOut.add(root, found, of.class, reason, { isLate: byRule === undefined });
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

  /** Opens what is taken; undefined when it does not exist any more. What is not the home owner's is a `RefusedPath`. */
  open({ root, found }: SelectedPath): OpenedFile | undefined {
    const opened = openRegularFile(belowRoot(root.dir, found.path), { follow: found.link !== undefined });
    const fault = opened && this.#parts.links.faultOfOpen(opened.fd, root.dir);
    if (!fault) return opened;
    closeSync(opened.fd);
    throw new RefusedPath(fault);
  }

  /** Throws `RefusedPath` where an open file of a database is not the home owner's. */
  assertReadable({ root }: SelectedPath, fds: readonly (number | undefined)[]): void {
    for (const fd of fds) {
      const fault = fd === undefined ? undefined : this.#parts.links.faultOfOpen(fd, root.dir);
      if (fault) throw new RefusedPath(fault);
    }
  }

  /** A root that is to be there and is not. */
  recordMissingRoot(root: Root, fault: PathFault): void {
    const { class: of, never } = this.#parts.source.classify(root.name, "", "missing");
    if (never === undefined && this.#parts.classes.has(of)) this.#recordMissing(root, "", of, fault);
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
    if (found.stat.size > 0n) this.#sidecars.record(root, found, found.link === undefined ? copied : "link");
    if (late) this.#late.add(directoryOf(found.path));
    if (without.length === 0) return;
    const rows = `the rows of its ${without.length === 1 ? "table" : "tables"} ${without.join(", ")}`;
    const reason = `${rows}: ${this.#notTaken(of.secrets!.class)}`;
    this.leftOut.all.push({ root: root.name, path: found.path, class: of.secrets!.class, reason, tables: without });
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
    const reason = "vanished or changed each time it was read";
    this.#sidecars.record(root, found, "failed");
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
    this.#sidecars.record(root, found, "failed");
    if (error instanceof RefusedPath) return this.#recordMissing(root, found.path, of.class, error.fault);
    const absence = error instanceof ToolError ? FAILURES[error.code] : undefined;
    if (absence) {
      if (!this.leftOut.addMissing(root, found.path, of.class, absence)) return;
      return this.#parts.deps.log.problem(error as ToolError);
    }
    const { code, syscall } = error as NodeJS.ErrnoException;
    if (error instanceof ToolError || code === undefined || syscall === undefined || NO_SPACE.has(code)) throw error;
    this.recordUnreadable(root, found.path, error as NodeJS.ErrnoException);
  }

  recordUnreadable(root: Root, path: string, { code }: NodeJS.ErrnoException): void {
    const place = this.#parts.source.classify(root.name, path, "file");
    const { class: of, never } = place;
    const byRule = never ?? (this.#isIncluded(place) ? undefined : this.#notTaken(of));
    if (byRule !== undefined) return void this.leftOut.all.push({ root: root.name, path, class: of, reason: byRule });
    const absence = { code: "UNREADABLE", reason: `could not be read: ${code}` };
    if (!this.leftOut.addMissing(root, path, of, absence)) return;
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
    const byRule = of.never ?? (this.#isIncluded(of) ? undefined : this.#notTaken(of.class));
    if (byRule === undefined) this.#recordMissing(root, found.path, of.class, fault);
    else this.leftOut.all.push({ root: root.name, path: found.path, class: of.class, reason: byRule });
  }

  #recordMissing(root: Root, path: string, of: string, fault: PathFault): void {
    if (!this.leftOut.addMissing(root, path, of, fault)) return;
    const at = belowRoot(root.dir, path);
    const message = `${at} ${fault.reason}: it is not in the snapshot`;
    const name = path === "" ? root.name.replace(/^ws\//, `${of}/`) : `${root.name}/${path}`;
    const hint = `ls -ld ${at}; if that is known: --accept-missing ${name}`;
    this.#parts.deps.log.problem(asPartial(placeError(`E_${fault.code}`, message, hint)));
  }

  /** Why a path is not taken; "" when another line holds it; undefined when it is. */
  #exclusionReason(root: Root, found: WalkEntry, of: Classification): string | undefined {
    if (of.never !== undefined) return of.never;
    if (!this.#isIncluded(of)) return this.#notTaken(of.class);
    const sidecar = found.type === "file" ? SIDECAR.exec(found.path) : null;
    return sidecar ? this.#sidecarReason(root, found, of, sidecar[1] as SidecarKind) : undefined;
  }

  #isIncluded({ class: of, holds = [] }: Classification): boolean {
    const { classes } = this.#parts;
    return classes.has(of) || (typeof holds === "string" ? [holds] : holds).some((name) => classes.has(name));
  }

  #notTaken(of: string): string {
    return notTaken(of, this.#parts.source);
  }

  /** What lies beside a database belongs to the line of it; without one it is a file like any other. */
  #sidecarReason(root: Root, found: WalkEntry, of: Classification, kind: SidecarKind): string | undefined {
    const main = found.path.slice(0, -kind.length - 1);
    const copied = this.#sidecars.ownerOf(root, main);
    const isNamed = this.#parts.source.classify(root.name, main, "file").database !== undefined;
    if (kind === "wal" && found.stat.size === 0n && (copied || isNamed)) return "an empty WAL";
    if (copied) return sidecarReason(kind, copied);
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

/** Something that was to be read and belongs to somebody else. */
class RefusedPath extends Error {
  readonly fault: PathFault;

  constructor(fault: PathFault) {
    super(fault.reason);
    this.fault = fault;
  }
}

/** Files of sessions, agents and skills that no list names one by one. */
const RUNTIME_FILE =
  /(?:^|\/)(?:meta\.json|ledger\.jsonl|costs\.jsonl|metrics\.json|summary\.json|logs\.jsonl|AGENT\.md|SKILL\.md|mcp\.json)$/;

/** No read fails with these: it is what we write to that is full. */
const NO_SPACE: ReadonlySet<string> = new Set(["ENOSPC", "EDQUOT"]);

/** Failures that concern one path. */
const FAILURES: { readonly [code: string]: PathFault | undefined } = {
  E_JOURNAL: { code: "JOURNAL", reason: "has a rollback journal that cannot be rolled back" },
  E_NOT_REWRITTEN: { code: "NOT_REWRITTEN", reason: "cannot be copied without the logins in it" },
};

const directoryOf = (path: string): string => path.slice(0, path.lastIndexOf("/"));
