// Archives the paths of a home into a snapshot: walked in the listing's order, compared with the parent on the way.
import { statIdentity, formatIdentity, isFresh } from "../../files/identity.ts";
import { isReadableByMode } from "../../files/readable.ts";
import type { Scratch } from "../../files/scratch.ts";
import { belowRoot, walk, type OpenedFile, type WalkEntry } from "../../files/walk.ts";
import { ListingNames } from "../../formats/repository/check-listing.ts";
import {
  decodeListingLine,
  encodeListingLine,
  headOf,
  startOf,
  tailOf,
  type ListingLine,
} from "../../formats/repository/listing.ts";
import type { Deps } from "../../records/deps.ts";
import type { Root, Source } from "../../sources/source.ts";
import type { PathFilter, SelectedPath } from "./path-filter.ts";
import type { ChunkSink } from "../chunk-sink.ts";
import type { PageStore } from "../losses/page-store.ts";
import type { ListingWriter } from "./listing-writer.ts";
import { NEED_PAGE, type ParentLine, type ParentCursor } from "./parent-cursor.ts";
import { journalPath, walPath } from "../../sqlite/sidecars.ts";
import { rulesOf } from "./database-copy.ts";
import { storeDatabase } from "./store-database.ts";
import { storeBytes, storeFile } from "./store-file.ts";
import { storeLines } from "./store-lines.ts";

export interface ArchiverOptions {
  readonly filter: PathFilter;
  readonly parent: ParentCursor;
  readonly listing: ListingWriter;
  readonly sink: ChunkSink;
  readonly pages: PageStore;
  readonly source: Pick<Source, "counted">;
  readonly scratch: Scratch;
  readonly deps: Deps;
}

/** One path on its way, and the parent's line of it. */
interface PathEntry extends SelectedPath {
  readonly start: string;
  readonly before: ParentLine | undefined;
}

export class Archiver {
  readonly totals = { files: 0, directories: 0, sessions: 0, bytes: 0, new_files: 0 };
  readonly names = new ListingNames();
  /** Whether a catalog was taken that can be one. */
  hasCatalog = false;
  /** Files by class. */
  readonly classFiles: { [name: string]: number } = {};
  #parts: ArchiverOptions;
  /** The names in the directory met last, where they are known without looking. */
  #names: readonly string[] | undefined;

  constructor(parts: ArchiverOptions) {
    this.#parts = parts;
  }

  async root(root: Root): Promise<void> {
    const { filter, parent, deps } = this.#parts;
    for (const found of walk(root.dir, { ...filter.walkOptions(root), names: () => this.#names })) {
      if (deps.signal.aborted) deps.signal.throwIfAborted();
      const of = filter.select(root, found);
      if (!of) continue;
      const start = startOf(root.name, found.path);
      let before = parent.seek(root.name, found.path, start);
      while (before === NEED_PAGE) {
        await parent.nextPage();
        before = parent.seek(root.name, found.path, start);
      }
      const item = { root, found, of, start, before };
      const same = before && this.#isUnchanged(item, before);
      // A name that came or went would show in the directory's own times.
      const isKnown = same && found.type === "directory" && filter.isWhole(of);
      this.#names = isKnown ? parent.namesIn(root.name, found.path, start) : undefined;
      if (same) await this.#add(before!.line, item, before);
      else await this.#addNew(item);
    }
  }

  #isUnchanged(item: PathEntry, { line }: ParentLine): boolean {
    const { root, found, of, start } = item;
    const { filter } = this.#parts;
    // What cannot be read any more is not taken over as if it could.
    if (!isReadableByMode(found.stat, found.type === "directory")) return false;
    const stat = tailOf(formatIdentity(filter.fileAtCut(root, found)?.stat ?? found.stat));
    if (!line.endsWith(stat) || !line.startsWith(headOf(start, of.class, found.type))) return false;
    if (!hasLink(line, found.link)) return false;
    if (found.type !== "file") return true;
    const wasDatabase = line.includes('"database":{');
    if (!wasDatabase && of.database === undefined && !mayBeDatabase(found)) return true;
    if (!filter.isDatabase(item, wasDatabase)) return true;
    // An earlier version took no look at it.
    const isKnown = line.includes('"tables":[') || line.includes('"damaged":"');
    return wasDatabase && isKnown && !filter.cut?.copies.has(found.path) && this.#sameDatabase(item, line);
  }

  /** Main is what it was: so is the database, when its WAL is, too, and the same is left out of it. */
  #sameDatabase(item: SelectedPath, line: string): boolean {
    const { root, found, of } = item;
    const { filter } = this.#parts;
    const { path, siblings: beside } = found;
    const name = path.slice(path.lastIndexOf("/") + 1);
    const file = belowRoot(root.dir, path);
    const isLink = found.link !== undefined;
    if (isLink ? statIdentity(journalPath(file)) : beside.includes(`${name}-journal`)) return false;
    const secrets = filter.secretsOf(of);
    if (secrets ? !line.includes(`"rules":"${rulesOf(secrets)}"`) : line.includes('"rules":')) return false;
    const wal = isLink || beside.includes(`${name}-wal`) ? statIdentity(walPath(file)) : undefined;
    const hasWal = wal !== undefined && wal.size > 0n && found.stat.size > 0n;
    if (!hasWal && line.includes('"copied":"resting"')) {
      filter.recordDatabase(item, { copied: "resting", walBytes: 0 });
      return true;
    }
    const { copied, wal: then, without } = decodeListingLine(line).database!;
    if (without && copied === "rewritten") {
      if (without.wal !== (hasWal ? formatIdentity(wal) : "")) return false;
      filter.recordDatabase(item, { copied, walBytes: 0, without: without.tables });
      return true;
    }
    if (!hasWal || then?.stat !== formatIdentity(wal)) return false;
    filter.recordDatabase(item, { copied: "pair", walBytes: then.size });
    return true;
  }

  async #addNew(item: PathEntry): Promise<void> {
    const line = await this.#readLine(item);
    if (line) await this.#add(encodeListingLine(line), item, undefined, line);
  }

  async #readLine(item: PathEntry): Promise<ListingLine | undefined> {
    const { found } = item;
    if (found.type === "directory") {
      return { ...baseLine(item), stat: isFresh(found.stat) ? "" : formatIdentity(found.stat) };
    }
    try {
      const wasDatabase = item.before?.line.includes('"database":{') === true;
      const isDatabase = this.#parts.filter.isDatabase(item, wasDatabase);
      const line = isDatabase ? await this.#databaseLine(item) : await this.#fileLine(item);
      if (line) this.totals.new_files++;
      else this.#parts.filter.recordChanging(item);
      return line;
    } catch (error) {
      this.#parts.filter.recordFailure(item, error);
      return undefined;
    }
  }

  async #fileLine(item: PathEntry): Promise<ListingLine | undefined> {
    const { root, found, of } = item;
    const { filter, sink } = this.#parts;
    const atCut = filter.fileAtCut(root, found);
    if (atCut) {
      return {
        ...baseLine(item, atCut.stat),
        ...(await storeBytes(atCut.bytes, sink)),
        stat: formatIdentity(atCut.stat),
      };
    }
    const open = (): OpenedFile | undefined => filter.open(item);
    const lines = of.lines ? await storeLines(belowRoot(root.dir, found.path), open, sink) : undefined;
    if (lines && lines.tail > 0) filter.recordTail(item, lines.tail);
    const stored = of.lines ? lines?.stored : await storeFile(open, sink, of.class === "logs");
    if (!stored) return undefined;
    const { identity, mode, stat, ...content } = stored;
    return { ...baseLine(item, { mode, mtimeNs: identity.mtimeNs }), ...content, stat };
  }

  async #databaseLine(item: PathEntry): Promise<ListingLine | undefined> {
    const { root, found, of, before } = item;
    const { filter, sink, pages, source, scratch } = this.#parts;
    const home = root.name === "home" ? filter.cut : undefined;
    const copy = home?.copies.get(found.path);
    const stored = await storeDatabase(
      {
        file: copy?.file ?? belowRoot(root.dir, found.path),
        session: of.database === "session",
        counted: source.counted?.(root.name, found.path),
        pages,
        atCut: copy ? undefined : home?.databases.get(found.path),
        cutAt: copy ? undefined : home?.at,
        before: before && !copy ? decodeListingLine(before.line) : undefined,
        scratch,
        secrets: filter.secretsOf(of),
        assertReadable: (opened) => {
          if (!copy) filter.assertReadable(item, [opened.main, opened.wal]);
        },
      },
      sink,
    );
    if (!stored) return undefined;
    const { stat, mtimeNs, database, ...content } = stored;
    const copied = database.without ? database.copied : (copy?.copied ?? database.copied);
    const walBytes = database.wal?.size ?? 0;
    filter.recordDatabase(item, { copied, walBytes, late: database.late, without: database.without?.tables });
    const times = copy ? found.stat : { mode: found.stat.mode, mtimeNs };
    return { ...baseLine(item, times), ...content, database: { ...database, copied }, stat: copy ? "" : stat };
  }

  async #add(
    text: string,
    { root, found, of }: PathEntry,
    before: ParentLine | undefined,
    line?: ListingLine,
  ): Promise<void> {
    const { totals } = this;
    const { filter, deps, listing, sink } = this.#parts;
    this.names.findProblem({
      root: root.name,
      path: found.path,
      type: found.type === "directory" ? "directory" : "file",
    });
    if (found.type === "directory") totals.directories++;
    else {
      totals.files++;
      this.classFiles[of.class] = (this.classFiles[of.class] ?? 0) + 1;
      totals.bytes += (line?.size ?? Number(found.stat.size)) + filter.walBytes;
      filter.walBytes = 0;
      if (of.database === "session") totals.sessions++;
      this.hasCatalog ||= of.database === "catalog" && !text.includes('"damaged":"');
      if (line) deps.progress.update({ label: "read", done: sink.seenBytes, unit: "bytes" });
    }
    if (listing.add(text, root.name, found.path, before)) await listing.finishPage();
  }
}

/** Whether an unchanged file that the parent has as one like any other may be a database: sizes are multiples of pages. */
const mayBeDatabase = ({ path, stat, siblings }: WalkEntry): boolean =>
  stat.size % 512n === 0n || siblings.includes(`${path.slice(path.lastIndexOf("/") + 1)}-wal`);

/** What every line says. */
const baseLine = (
  { root, found, of }: PathEntry,
  { mode, mtimeNs }: { readonly mode: bigint; readonly mtimeNs: bigint } = found.stat,
): Pick<ListingLine, "root" | "path" | "class" | "type" | "mode" | "mtime_ns" | "link"> => ({
  root: root.name,
  path: found.path,
  class: of.class,
  type: found.type === "directory" ? "directory" : "file",
  mode: (Number(mode) & 0o7777).toString(8).padStart(4, "0"),
  mtime_ns: String(mtimeNs),
  ...(found.link !== undefined && { link: found.link }),
});

/** Whether a line is of what the same link leads to, or of no link. */
const hasLink = (line: string, link: string | undefined): boolean =>
  link === undefined ? !line.includes('"link":') : line.includes(`"link":${JSON.stringify(link)}`);
