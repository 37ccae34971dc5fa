// A home as one plain tar, made while its daemon runs: nothing to set up, restored by any tar.
import { createHash, type Hash } from "node:crypto";
import { closeSync, readSync } from "node:fs";
import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { statIdentity, sameIdentity, sameInode } from "../../files/identity.ts";
import { scratchDir, type Scratch } from "../../files/scratch.ts";
import { TAR_END, tarHeader, tarPadding } from "../../files/tar-write.ts";
import { belowRoot, walk } from "../../files/walk.ts";
import type { Place } from "../../places/open-with-capability.ts";
import {
  encodeListingLine,
  encodePage,
  type DatabaseLine,
  type ListingLine,
} from "../../formats/repository/listing.ts";
import type { Suspicion } from "../../formats/repository/manifest.ts";
import type { Deps } from "../../records/deps.ts";
import { EXIT, ToolError } from "../../records/error.ts";
import { Artefact } from "../../records/record.ts";
import { HomeLinks } from "../../sources/links.ts";
import type { Root, Source } from "../../sources/source.ts";
import { noteCut, type CutReader } from "../../sqlite/copy/cut.ts";
import { PathFilter, type SelectedPath } from "./path-filter.ts";
import { assertClasses, classesOf, type ClassChoice } from "../classes.ts";
import { openBackupJob, type BackupJob, type Consistency } from "./backup-job.ts";
import { openDatabaseCopy, openOnlineCopy } from "./database-copy.ts";
import { findSuspicions, NOTHING_TO_BACK_UP } from "./find-suspicions.ts";
import { inspectDatabase } from "./inspect-database.ts";
import type { ComparedSnapshot } from "../losses/find-losses.ts";
import { DATABASE_TRIES, isOnlineTry } from "./store-database.ts";
import { findChange, findLineEnd, LINES_TRIES } from "./store-lines.ts";

export interface TarStream extends ClassChoice, Consistency {
  /** What is known to be missing. */
  readonly acceptMissing?: readonly string[];
  /** This toolkit's version. */
  readonly toolkit: string;
}

/** The last file of the tar: what it holds, and every path that it does not hold, with the reason. */
const MANIFEST_NAME = ".agh-backup.json";

/**
 * Yields the tar's bytes. A live database is main and `-wal` as they were at the cut: SQLite makes one of them when it
 * is opened. What lies outside the home goes below `.agh-toolkit/outside/`. A file that changed while it was read comes
 * again: the later entry counts. No owners and no wall clock, so that the same home gives the same bytes.
 */
export async function* tarStream(selection: Place, options: TarStream, deps: Deps): AsyncGenerator<Artefact> {
  assertClasses(options);
  await using job = await openBackupJob(selection, options, deps);
  const { home, source, roots, consistency } = job;
  const classes = classesOf(options, source);
  using scratch = scratchDir(deps.env);
  const cut = consistency === "cold" ? undefined : await source.cut?.(home, scratch, deps);
  const { acceptMissing } = options;
  const links = new HomeLinks(home, deps);
  const filter = new PathFilter({ source, links, classes: new Set(classes), cut, acceptMissing, deps });
  const tar = new TarWriter(filter, source, scratch, deps);
  for (const root of roots) {
    if (root.missing) filter.recordMissingRoot(root, root.missing);
    else yield* tar.root(root);
  }
  const coverage = filter.leftOut.all;
  const present = roots.filter(({ missing }) => !missing).map(({ name, dir }) => ({ name, dir }));
  const seen = { classes, roots: present, coverage };
  const suspicions = await tarSuspicions(job, tar, seen, deps);
  yield* tar.finish({
    runtime: home.runtime,
    home_id: home.id,
    home_path: home.root,
    hostname: hostname(),
    toolkit: options.toolkit,
    consistency,
    cut_at: cut?.at.toISOString() ?? null,
    skew_ms: cut?.skewMs ?? 0,
    classes,
    roots: roots.map(({ name, dir }) => ({ name, dir })),
    totals: tar.totals,
    suspicions,
    coverage,
  });
}

/** What is destroyed by its own shape: a problem each, for the records are the tar. */
async function tarSuspicions(
  job: BackupJob,
  { lines, hasCatalog, totals: { sessions } }: TarWriter,
  seen: Pick<ComparedSnapshot, "roots" | "classes" | "coverage">,
  deps: Deps,
): Promise<readonly Suspicion[]> {
  const page = encodePage(lines.map(encodeListingLine));
  const refs = lines.length === 0 ? [] : [{ sha256: "", root: "home", path: "", lines: lines.length }];
  const snapshot = { ...seen, totals: { sessions }, listing: { refs, read: () => Promise.resolve(page) } };
  const suspicions = await findSuspicions({ job, snapshot, hasCatalog }, (error) => deps.log.problem(error), deps);
  for (const { code, message } of suspicions) {
    const exit = code === NOTHING_TO_BACK_UP ? EXIT.found : EXIT.partial;
    deps.log.problem(new ToolError({ code: `E_${code}`, message, exit }));
  }
  return suspicions;
}

interface EntryTimes {
  readonly mode: bigint;
  readonly mtimeNs: bigint;
}

const PIECE = 1 << 20;
/** What is smaller waits for more before it is written, and so needs memory of its own. */
const LENT = 1 << 16;
const FILE_TRIES = 3;
const SECOND = 1_000_000_000n;

class TarWriter {
  readonly totals = { files: 0, directories: 0, bytes: 0, sessions: 0 };
  /** Of databases and of the directories that sessions have, as a listing would have them. */
  readonly lines: ListingLine[] = [];
  hasCatalog = false;
  #filter: PathFilter;
  #source: Source;
  #scratch: Scratch;
  #deps: Deps;
  /** Lent in turn: while one is being written, the other is free. */
  #buffers = [Buffer.allocUnsafe(PIECE), Buffer.allocUnsafe(PIECE)] as const;
  #free = 0;
  #newest = 0n;

  constructor(filter: PathFilter, source: Source, scratch: Scratch, deps: Deps) {
    this.#filter = filter;
    this.#source = source;
    this.#scratch = scratch;
    this.#deps = deps;
  }

  async *root(root: Root): AsyncGenerator<Artefact> {
    for (const found of walk(root.dir, this.#filter.walkOptions(root))) {
      this.#deps.signal.throwIfAborted();
      const of = this.#filter.select(root, found);
      if (!of) continue;
      const chosen = { root, found, of };
      if (found.type === "directory") {
        this.totals.directories++;
        const { sessionPart, counted } = this.#source;
        if (sessionPart?.(root.name, found.path)?.is === "directory" || counted?.(root.name, found.path))
          this.#note(chosen);
        yield this.#header(pathIn(root, found.path), "directory", 0, found.stat);
        continue;
      }
      try {
        const isDatabase = this.#filter.isDatabase(chosen, false);
        if (yield* isDatabase ? this.#database(chosen) : this.#file(chosen)) this.totals.files++;
        else this.#filter.recordChanging(chosen);
      } catch (error) {
        this.#filter.recordFailure(chosen, error);
      }
    }
  }

  async *finish(manifest: object): AsyncGenerator<Artefact> {
    const bytes = Buffer.from(`${JSON.stringify(manifest, undefined, 1)}\n`);
    yield this.#header(MANIFEST_NAME, "file", bytes.length, { mode: 0o600n, mtimeNs: this.#newest });
    yield new Artefact(Buffer.concat([bytes, tarPadding(bytes.length), TAR_END]));
  }

  /** False when it vanished or changed each time. */
  async *#file(chosen: SelectedPath): AsyncGenerator<Artefact, boolean> {
    const { root, found, of } = chosen;
    const path = pathIn(root, found.path);
    const atCut = this.#filter.fileAtCut(root, found);
    if (atCut) {
      yield this.#header(path, "file", atCut.bytes.length, atCut.stat);
      yield new Artefact(Buffer.concat([atCut.bytes, tarPadding(atCut.bytes.length)]));
      return true;
    }
    for (let tries = 1, last = of.lines ? LINES_TRIES : FILE_TRIES; tries <= last; tries++) {
      const opened = this.#filter.open(chosen);
      if (!opened) return false;
      const { fd, stat } = opened;
      try {
        const size = of.lines ? findLineEnd(fd, stat) : Number(stat.size);
        const digest = of.lines && createHash("sha256");
        const whole = yield* this.#content(path, fd, size, stat, digest);
        const after = statIdentity(fd)!;
        if (digest) {
          const change = await findChange(fd, belowRoot(root.dir, found.path), stat, {
            size,
            sha256: digest.digest("hex"),
          });
          if (whole && (change === "none" || change === "grown" || (change === "replaced" && tries === last))) {
            if (stat.size > size) this.#filter.recordTail(chosen, Number(stat.size) - size);
            return true;
          }
        } else {
          const grew = of.class === "logs" && sameInode(stat, after) && after.size > stat.size;
          if (whole && (sameIdentity(stat, after) || grew)) return true;
        }
      } finally {
        closeSync(fd);
      }
      await sleep(5 * tries);
    }
    return false;
  }

  #note({ root, found, of }: SelectedPath, database?: DatabaseLine): void {
    const { path } = found;
    const type = database ? "file" : "directory";
    this.lines.push({
      root: root.name,
      path,
      class: of.class,
      type,
      mode: "0000",
      mtime_ns: "0",
      ...(database && { database }),
      stat: "",
    });
    this.hasCatalog ||= of.database === "catalog" && database?.damaged === undefined;
    const rows = this.#source.counted?.(root.name, path)?.sessions;
    if (this.#source.sessionsAreDatabases) this.totals.sessions += of.database === "session" ? 1 : 0;
    else this.totals.sessions += database ? (rows && database.rows?.[rows.table]) || 0 : 1;
  }

  #inspect(chosen: SelectedPath, { main, mainSize, wal, walSize }: CutReader): void {
    const { root, found, of } = chosen;
    const bytes = {
      main: { fd: main, length: mainSize },
      wal: wal === undefined ? undefined : { fd: wal, length: walSize },
    };
    const counted = this.#source.counted?.(root.name, found.path);
    const { sessionLines: _, ...database } = inspectDatabase(bytes, { counted, hasEvents: of.database === "session" });
    this.#note(chosen, { ...database, copied: "resting" });
  }

  /** Main and the WAL as noted at the cut; where they have moved on, as they are now. */
  async *#database(chosen: SelectedPath): AsyncGenerator<Artefact, boolean> {
    const { root, found, of } = chosen;
    const path = pathIn(root, found.path);
    const home = root.name === "home" ? this.#filter.cut : undefined;
    const copy = home?.copies.get(found.path);
    const file = copy?.file ?? belowRoot(root.dir, found.path);
    const atCut = copy ? undefined : home?.databases.get(found.path);
    const assertReadable = ({ main, wal }: CutReader): void => {
      if (!copy) this.#filter.assertReadable(chosen, [main, wal]);
    };
    const source = { file, scratch: this.#scratch, secrets: this.#filter.secretsOf(of), assertReadable };
    let hasWal = false;
    for (let tries = 0; tries < DATABASE_TRIES; tries++) {
      const cut = (tries === 0 ? atCut : undefined) ?? noteCut(file);
      if (!cut.main) return false;
      const isOnline = isOnlineTry(tries) && of.database !== "session";
      using opened =
        (isOnline && (await openOnlineCopy(source))) || (cut.fresh ? undefined : openDatabaseCopy(source, cut));
      if (opened) {
        const times = { mode: found.stat.mode, mtimeNs: (copy ? found.stat : cut.main).mtimeNs };
        let whole = yield* this.#content(path, opened.main, opened.mainSize, times);
        if (opened.wal !== undefined) {
          whole = (yield* this.#content(`${path}-wal`, opened.wal, opened.walSize, times)) && whole;
          // A WAL that was written by an earlier try, and is none any more, must not be replayed.
        } else if (hasWal) yield this.#header(`${path}-wal`, "file", 0, times);
        hasWal ||= opened.wal !== undefined;
        if (whole && opened.isSame()) {
          this.#inspect(chosen, opened);
          this.#filter.recordDatabase(chosen, {
            copied: opened.without ? opened.copied : (copy?.copied ?? opened.copied),
            walBytes: opened.walSize,
            late: atCut !== undefined && cut !== atCut,
            without: opened.without,
          });
          return true;
        }
      }
      await sleep(Math.min(25, 5 * tries + 20));
    }
    return false;
  }

  /** An entry of `size` bytes; false when the file ended before: zeros follow then, for the header has given the length. */
  async *#content(
    path: string,
    fd: number,
    size: number,
    times: EntryTimes,
    digest?: Hash,
  ): AsyncGenerator<Artefact, boolean> {
    yield this.#header(path, "file", size, times);
    let [whole, failure]: [boolean, unknown] = [true, undefined];
    for (let at = 0; at < size;) {
      const length = Math.min(PIECE, size - at);
      const piece = this.#buffers[this.#free]!.subarray(0, length);
      let read = 0;
      try {
        read = whole ? readSync(fd, piece, 0, length, at) : 0;
      } catch (error) {
        failure = error;
      }
      if (read === 0) {
        whole = false;
        piece.fill(0);
      }
      const part = piece.subarray(0, read || length);
      at += part.length;
      digest?.update(part);
      if (part.length >= LENT) this.#free ^= 1;
      yield new Artefact(part.length < LENT ? Buffer.from(part) : part);
    }
    this.totals.bytes += size;
    this.#deps.progress.update({ label: "written", done: this.totals.bytes, unit: "bytes" });
    yield new Artefact(tarPadding(size));
    if (failure !== undefined) throw failure;
    return whole;
  }

  #header(path: string, type: "file" | "directory", size: number, { mode, mtimeNs }: EntryTimes): Artefact {
    if (mtimeNs > this.#newest) this.#newest = mtimeNs;
    const mtime = Number(mtimeNs / SECOND);
    return new Artefact(tarHeader({ path, type, size, mode: Number(mode), mtime }));
  }
}

/** Where a path of a root lies in the tar. */
function pathIn({ name }: Root, path: string): string {
  if (name === "home") return path === "" ? "." : path;
  return `.agh-toolkit/outside/${name}${path === "" ? "" : `/${path}`}`;
}
